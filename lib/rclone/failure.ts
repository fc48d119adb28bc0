import { withoutSecrets } from "../destination.js";
import { HoldstillError, type ErrorCode } from "../errors.js";

/** rclone's exit codes tell hardly more than that it failed: what it says has to do. */
const BY_TEXT: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /decrypt configuration|unable to authenticate|unauthorized|forbidden|invalid.*credential|access ?denied|invalidaccesskeyid|signaturedoesnotmatch|nocredentialproviders/i,
    "wrong-key",
  ],
  [
    /no space left|remaining disk space|disk quota exceeded|insufficient storage|quota.*exceeded|storage.*full/i,
    "no-space",
  ],
  [
    /find section in config|permission denied|read-only file system|connection|connect:|no such host|timeout|EOF|broken pipe|SSH_FX_|not found|not allowed|conflict|423 locked/i,
    "output-unusable",
  ],
];

const WHAT: Partial<Record<ErrorCode, readonly [what: string, hint: string]>> = {
  "wrong-key": [
    "rclone is refused by the remote",
    "Check user and password of the remote: rclone config. RCLONE_CONFIG_PASS opens a configuration that is encrypted.",
  ],
  "no-space": [
    "no space is left on the remote",
    "Free some space there: holdstill prune --from rclone:… removes old archives.",
  ],
  "output-unusable": [
    "rclone cannot use the remote",
    "See to its name (rclone listremotes), its server and its permissions.",
  ],
};

const UNKNOWN = ["rclone failed", "What rclone says tells why."] as const;

/** What it means that rclone ended with a code and said something. Secrets in what it said are left out. */
export function rcloneFailure(exitCode: number | string, said: string): HoldstillError {
  // Of a message of several lines all but the first are indented.
  const lines = said
    .replace(/\n\s+/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.includes('"stats":{'));
  const reason = withoutSecrets(messageOf(lines.at(-1) ?? `exit code ${exitCode}`));
  const code = BY_TEXT.find(([pattern]) => pattern.test(reason))?.[1] ?? ("io" satisfies ErrorCode);
  const [what, hint] = WHAT[code] ?? UNKNOWN;
  return new HoldstillError(code, `${what}: ${reason}`, { hint });
}

/** Without what is the same in every line, and without our name for the directory. */
function messageOf(line: string): string {
  const [, message] = /"msg":("(?:[^"\\]|\\.)*")/.exec(line) ?? [];
  return (message === undefined ? line : (JSON.parse(message) as string))
    .replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (?:[A-Z]+ *: )?/, "")
    .replace(/^Failed to create file system for "[^"]*": /, "")
    .replace(/\bholdstill_place:/g, "");
}
