import { compressionOfName } from "../archive/name.js";
import { KEYS, settingOf, variableOf, type Given, type Key, type Settings } from "./settings.js";
import type { FromFile } from "./parse.js";

/** Where a value comes from. */
export type Origin =
  | { readonly from: "option" | "default" }
  | { readonly from: "environment"; readonly variable: string }
  | { readonly from: "file"; readonly path: string; readonly line: number };

export interface Effective {
  readonly settings: Settings;
  readonly origins: Readonly<Record<Key, Origin>>;
  readonly file: FromFile | undefined;
}

export interface Layers {
  readonly options: Given;
  readonly environment: Given;
  readonly file: Effective["file"];
}

const DEFAULTS: Given = Object.fromEntries(KEYS.map((key) => [key, settingOf(key).default]));

/** What is settled by all layers together: options come before the environment, that before the file and its defaults. */
export function effective({ options, environment, file }: Layers): Effective {
  const layers = [options, environment, file?.given ?? {}, DEFAULTS] as const;
  const rank = (key: Key): number => layers.findIndex((layer) => layer[key] !== undefined);
  const lapsed = new Set(lapsing(layers, rank));
  const settings: Record<string, unknown> = {};
  const origins: Partial<Record<Key, Origin>> = {};
  for (const key of KEYS) {
    const layer = lapsed.has(key) ? layers.indexOf(DEFAULTS) : rank(key);
    settings[key] = layers[layer]?.[key];
    origins[key] = originOf(key, layer, file);
  }
  return { settings: settings as Settings, origins: origins as Record<Key, Origin>, file };
}

function originOf(key: Key, layer: number, file: Effective["file"]): Origin {
  if (layer === 0) return { from: "option" };
  if (layer === 1) return { from: "environment", variable: variableOf(key) };
  const line = file?.positions[key]?.line;
  if (layer === 2 && file !== undefined && line !== undefined) return { from: "file", path: file.path, line };
  return { from: "default" };
}

/**
 * Settings that a stronger layer has made meaningless: the level of another compression, the compression where the
 * output's name says another, one of two schedules. Within one layer they would contradict each other.
 */
function lapsing(layers: readonly Given[], rank: (key: Key) => number): Key[] {
  const from = (layer: number, key: Key) => layers.slice(layer).find((given) => given[key] !== undefined)?.[key];
  const named = from(0, "output");
  const isNamed = named !== undefined && compressionOfName(String(named)) !== undefined;
  const compressLapses = isNamed && rank("output") < rank("compress");
  const stronger = compressLapses ? rank("output") : rank("compress");
  const levelLapses =
    stronger < rank("level") && (compressLapses || from(rank("level"), "compress") !== from(0, "compress"));
  const [day, times] = [rank("daily"), rank("calendar")];
  return [
    ...(compressLapses ? (["compress"] as const) : []),
    ...(levelLapses ? (["level"] as const) : []),
    ...(day >= 0 && times >= 0 && day !== times ? [day < times ? ("calendar" as const) : ("daily" as const)] : []),
  ];
}
