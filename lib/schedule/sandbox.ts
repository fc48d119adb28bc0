import { settingWord } from "./quote.js";
import type { Schedule } from "./schedule.js";

/** A directive, with what is to be said about it; or one that is left out, and why. */
type Line = readonly [setting: string, comment?: string] | { readonly left: string; readonly because: string };

/** What a run may not do, as lines of a service: all that a capture does not need. */
export function sandbox(schedule: Schedule): string[] {
  const lines = schedule.scope === "system" ? [...ANYWHERE, ...systemOnly(schedule)] : [...ANYWHERE, NO_NAMESPACES];
  return lines.flatMap((line) => {
    if ("left" in line) return [`# Left out: ${line.left}: ${line.because}`];
    const [setting, comment] = line;
    return comment === undefined ? [setting] : [`# ${comment}`, setting];
  });
}

const ANYWHERE: readonly Line[] = [
  ["UMask=0077", "What an archive holds is as private as what it was made of."],
  ["NoNewPrivileges=true"],
  ["LockPersonality=true"],
  ["RestrictRealtime=true"],
  ["RestrictSUIDSGID=true"],
  ["RestrictNamespaces=true"],
  ["SystemCallArchitectures=native"],
  ["SystemCallFilter=@system-service"],
  ["SystemCallFilter=~@privileged @resources"],
  ["SystemCallFilter=setpriority ioprio_set", "After the freeze a run lowers its own priority."],
  ["SystemCallErrorNumber=EPERM"],
  { left: "MemoryDenyWriteExecute=", because: "Node compiles what it runs." },
];

const NO_NAMESPACES: Line = {
  left: "what hides or write-protects parts of the file system",
  because: "here it needs PrivateUsers=, and files of other users would be archived as nobody's.",
};

const WITHOUT_NETWORK: readonly Line[] = [
  ["PrivateNetwork=true"],
  ["IPAddressDeny=any"],
  ["RestrictAddressFamilies=AF_UNIX", "systemd-notify and the journal are sockets."],
];

const WITH_NETWORK: readonly Line[] = [
  { left: "PrivateNetwork= and IPAddressDeny=", because: "the network was asked for (--network)." },
  ["RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"],
];

/** What root needs to back up what is not its own; nobody else has any. */
const ROOTS = "CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER";

function systemOnly({ runAs, writable, usesTmp, network }: Schedule): Line[] {
  return [
    runAs === "root"
      ? [
          `CapabilityBoundingSet=${ROOTS}`,
          "To read what is others', to link it, and to put back the time of a directory.",
        ]
      : ["CapabilityBoundingSet="],
    ["ProtectSystem=strict"],
    ["ProtectHome=read-only", "Not `true`: state lies in homes, and so do the programs and settings of their users."],
    ...writable.map((path, index): Line => {
      const setting = `ReadWritePaths=${settingWord(path)}`;
      return index === 0
        ? [setting, "Each is a mount: a source and its stage lie in one, or nothing could be linked."]
        : [setting];
    }),
    ["CacheDirectory=holdstill", "The stage of a source that lies in none of these; what is in it are copies."],
    ["CacheDirectoryMode=0700"],
    ["Environment=XDG_CACHE_HOME=%C"],
    usesTmp
      ? { left: "PrivateTmp=", because: "something that a run needs lies in /tmp or /var/tmp." }
      : ["PrivateTmp=true"],
    ["PrivateDevices=true"],
    ["DevicePolicy=closed"],
    ["PrivateMounts=true"],
    ...(network ? WITH_NETWORK : WITHOUT_NETWORK),
    ["ProtectClock=true"],
    ["ProtectHostname=true"],
    ["ProtectKernelLogs=true"],
    ["ProtectKernelModules=true"],
    ["ProtectKernelTunables=true"],
    ["ProtectControlGroups=true"],
    ["ProtectProc=invisible"],
    ["KeyringMode=private"],
    { left: "ProcSubset=pid", because: "it hides the id of this boot, which tells whose a leftover is." },
    { left: "PrivateUsers=", because: "files of other users would be archived as nobody's." },
    { left: "RemoveIPC=", because: "it would take away what the live program of the same user shares." },
    { left: "RootDirectory=", because: "sources lie anywhere." },
  ];
}
