import { withoutSecrets } from "../destination.js";
import { HoldstillError, type ErrorCode } from "../errors.js";
import { fieldsOf } from "./messages.js";

/** Since 0.17 restic's exit code tells these apart; before, it is 1 for all of them, and what it says has to do. */
const BY_EXIT_CODE: Readonly<Record<number, ErrorCode>> = { 10: "output-unusable", 11: "locked", 12: "wrong-key" };

type What = readonly [what: string, hint: string];

const REFUSED: What = [
  "restic is refused by the server of the repository",
  "Check user and password: in the repository's address, or in the variables of its store, such as AWS_ACCESS_KEY_ID.",
];

const BY_TEXT: readonly (readonly [RegExp, ErrorCode, What?])[] = [
  [
    /wrong password|no key found|empty password|password (file|command)|resolving password|is not a password/i,
    "wrong-key",
  ],
  [/no space left on device|disk quota exceeded/i, "no-space"],
  [/\b40[13] (unauthorized|forbidden)|access ?denied|access key id you|signature we calculated/i, "wrong-key", REFUSED],
  [
    /contains errors|ciphertext verification failed|hash mismatch|invalid data returned|seems to be missing/i,
    "bad-archive",
  ],
  [/already locked|unable to create lock in backend: repository/i, "locked"],
  [
    /unable to open config file|is there a repository|specify repository|permission denied|read-only file system|unable to open repository|invalid backend|connect|no such host|server response unexpected/i,
    "output-unusable",
  ],
];

const WHAT: Partial<Record<ErrorCode, What>> = {
  "wrong-key": [
    "restic cannot open the repository with this password",
    "Set RESTIC_PASSWORD_FILE, RESTIC_PASSWORD_COMMAND or RESTIC_PASSWORD to that of the repository.",
  ],
  "no-space": [
    "no space is left for restic's repository",
    "Free some space there: restic forget --prune needs some too.",
  ],
  locked: [
    "another restic has the repository locked",
    "Wait for it; restic unlock removes the locks of dead processes.",
  ],
  "bad-archive": [
    "restic finds the repository damaged",
    "Run restic check, and see its manual on troubleshooting; the next backup stores again what is missing.",
  ],
  "output-unusable": [
    "restic cannot use the repository",
    "If there is none yet, make it with: restic init. Else see to its address, its server and its permissions.",
  ],
};

const UNKNOWN = ["restic failed", "What restic says tells why."] as const;

/** What it means that restic ended with a code and said something. Secrets in what it said are left out. */
export function resticFailure(exitCode: number | string, said: string): HoldstillError {
  const lines = said
    .split("\n")
    .map(messageOf)
    .filter((line) => line.trim() !== "");
  const text = withoutSecrets(lines.join("\n"));
  const [, told, own] = BY_TEXT.find(([pattern]) => pattern.test(text)) ?? [];
  const code = BY_EXIT_CODE[Number(exitCode)] ?? told ?? ("io" satisfies ErrorCode);
  const [what, hint] = (code === told ? own : undefined) ?? WHAT[code] ?? UNKNOWN;
  return new HoldstillError(code, `${what}: ${reasonIn(text) ?? `exit code ${exitCode}`}`, { hint });
}

/** What it ends with, and what ssh or rclone has said of that. Undefined where nothing was said. */
function reasonIn(text: string): string | undefined {
  if (text === "") return undefined;
  const [, fatal = text.split("\n")[0]] = /^Fatal: (.*)$/m.exec(text) ?? [];
  const [, helper] = /^subprocess (\S+: .*)$/m.exec(text) ?? [];
  return helper === undefined ? fatal : `${fatal} (${helper})`;
}

/** Since 0.17 what restic ends with is JSON where that was asked for. */
function messageOf(line: string): string {
  const message = fieldsOf(line)?.["message"];
  return typeof message === "string" ? message : line;
}
