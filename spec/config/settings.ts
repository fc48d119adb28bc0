import fc from "fast-check";
import { settingOf, type Key } from "../../lib/config/settings.js";

/** Texts that YAML, a shell and a list of lines could each misread. */
const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20, unit: "binary" }).filter((value) => !/[\n\0]/.test(value)),
  fc.constantFrom(
    "*.log",
    "!keep",
    "- a",
    "a: b",
    "#x",
    "yes",
    "null",
    "1.10",
    "0x1F",
    "a:b",
    " x ",
    "{}",
    "~x",
    "'",
    '"',
  ),
);
const path = text.map((value) => `/srv/${value.replaceAll("/", "_")}`).filter((value) => !/\/\.*$/.test(value));
const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);

/** The values that a setting takes, as an option has them. */
export function valuesOf(key: Key): fc.Arbitrary<unknown> {
  const { kind, choices, least = 0, most = 1_000_000, unlimited } = settingOf(key);
  if (key === "label") return word;
  if (key === "destination")
    return fc.constantFrom("restic:", "restic:sftp:nas:/repo", "rclone:nas:backups", "rclone:/mnt");
  if (key === "keepWithin") return fc.constantFrom("14d", "1y", "1y6m", "36h", "2y5m7d3h");
  if (key === "daily") return fc.constantFrom("03:00", "23:59", "0:05");
  if (choices !== undefined) return fc.constantFrom(...choices);
  if (kind === "flag") return fc.boolean();
  if (unlimited) return fc.oneof(fc.nat(1_000_000), fc.constant(-1));
  if (kind === "count") return fc.integer({ min: least, max: most });
  if (kind === "duration") return fc.integer({ min: 0, max: 999_999_999 });
  if (kind === "path") return path;
  if (kind === "paths") return fc.array(path, { minLength: 1, maxLength: 3 });
  return kind === "texts" ? fc.array(text, { minLength: 1, maxLength: 3 }) : text;
}
