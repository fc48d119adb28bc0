import type { Told } from "../backup.js";
import type { Given } from "../config/settings.js";
import type { GivenKeys, GivenLock } from "../keys.js";
import type { CreateOptions } from "../create.js";
import type { DeliveryOptions } from "../deliver.js";
import type { DoctorOptions } from "../doctor.js";
import type { Destination, ResticDestination } from "../destination.js";
import type { RunStagedOptions } from "../run-staged.js";
import type { RemoteOptions } from "../remote.js";
import type { Reader } from "../look/cat.js";
import type { OnDifference } from "../look/differences.js";
import type { Audience } from "../look/show.js";
import type { PruneOptions } from "../prune.js";
import type { RestoreOptions } from "../restore.js";
import type { AlarmReport } from "../report/schedule-report.js";
import type { Alarmed } from "../schedule/alarm.js";
import type { PrintOptions } from "../schedule/print.js";
import type { InstallOptions } from "../schedule/install.js";
import type { Scope } from "../schedule/schedule.js";
import type { GuardOptions } from "../guard.js";
import type { GuardSurroundings } from "../guard/work.js";
import type { ResumeOptions } from "../guard-resume.js";
import type { RollbackOptions } from "../rollback.js";
import type { StatusOptions } from "../status.js";
import type { Surroundings } from "../surroundings.js";

/** What the commands can do, loaded when one of them is started: `--help` and `--version` wait for none of it. */
export const useCases = {
  configure: async (options: Given, config: string | undefined, around: Surroundings) =>
    (await import("../config/load.js")).loadConfiguration({ options, config }, { ...around, uid: process.getuid?.() }),
  create: async (options: CreateOptions, around: Surroundings, told: Told) =>
    (await import("../backup.js")).backup(options, around, told),
  seal: async (given: GivenLock, around: Surroundings) => (await import("../keys.js")).sealFor(given, around),
  unseal: async (given: GivenKeys, around: Surroundings) => (await import("../keys.js")).unsealFor(given, around),
  passphrase: async (file: string, around: Surroundings) =>
    (await import("../age/key-files.js")).readPassphrase(file, around),
  generateKey: async (output: string, around: Surroundings) => (await import("../keys.js")).generate(output, around),
  showKeys: async (file: string, around: Surroundings) => (await import("../keys.js")).showKeys(file, around),
  plan: async (options: CreateOptions, around: Surroundings) => (await import("../plan.js")).plan(options, around),
  createWithRestic: async (
    options: CreateOptions,
    how: { readonly destination: ResticDestination; readonly told: Told },
    around: Surroundings,
  ) => (await import("../backup.js")).backupWithRestic(options, how, around),
  deliver: async (options: DeliveryOptions, around: Surroundings) =>
    (await import("../deliver.js")).deliverWithRclone(options, around),
  remote: async (destination: Destination, options: RemoteOptions, around: Surroundings) =>
    (await import("../remote.js")).remoteAt(destination, options, around),
  runStaged: async (options: RunStagedOptions, around: Surroundings) =>
    (await import("../run-staged.js")).runStaged(options, around),
  status: async (options: StatusOptions, around: Surroundings) =>
    (await import("../status.js")).status(options, {
      ...around,
      nextRun: async () => (await import("../schedule/status.js")).nextRun(around),
    }),
  verify: async (path: string, around: Surroundings) => (await import("../verify.js")).verify(path, around),
  prune: async (options: PruneOptions, around: Surroundings) => (await import("../prune.js")).prune(options, around),
  planPrune: async (options: PruneOptions, around: Surroundings) =>
    (await import("../prune.js")).planPrune(options, around),
  restore: async (options: RestoreOptions, around: Surroundings) =>
    (await import("../restore.js")).restore(options, around),
  listArchives: async (directory: string | undefined, around: Surroundings) =>
    (await import("../vault/archives.js")).listArchives(directory, around),
  guard: async (options: GuardOptions, around: GuardSurroundings) =>
    (await import("../guard.js")).guard(options, around),
  rollback: async (options: RollbackOptions, around: GuardSurroundings) =>
    (await import("../rollback.js")).rollback(options, around),
  resume: async (directories: readonly string[], around: GuardSurroundings, options: ResumeOptions) =>
    (await import("../guard-resume.js")).resume(directories, around, options),
  guardStatus: async (directories: readonly string[], around: Surroundings) =>
    (await import("../guard-status.js")).guardStatus(directories, around),
  clean: async (directories: readonly string[], around: GuardSurroundings) =>
    (await import("../guard-clean.js")).clean(directories, around),
  namedArchive: async (name: string, directory: string | undefined, around: Surroundings) =>
    (await import("../vault/archives.js")).namedArchive(name, directory, around),
  list: async (directory: string | undefined, around: Surroundings) =>
    (await import("../look/list.js")).list(directory, around),
  show: async (archive: string, path: string | undefined, around: Surroundings, audience: Audience) =>
    (await import("../look/show.js")).show(archive, path, around, audience),
  cat: async (archive: string, path: string, around: Surroundings, reader: Reader) =>
    (await import("../look/cat.js")).cat(archive, path, around, reader),
  diff: async (from: string, to: string, around: Surroundings, onDifference: OnDifference) =>
    (await import("../look/diff.js")).diff(from, to, around, onDifference),
  diffLive: async (archive: string, around: Surroundings, onDifference: OnDifference) =>
    (await import("../look/diff-live.js")).diffLive(archive, around, onDifference),
  doctor: async (options: DoctorOptions, around: Surroundings) =>
    (await import("../doctor.js")).doctor(options, around),
  goIdle: async (env: Surroundings["env"]) => {
    const { disk } = await import("../filesystem.js");
    return (await import("../idle.js")).goIdle(disk, env);
  },
  installSchedule: async (options: InstallOptions, around: Surroundings) =>
    (await import("../schedule/install.js")).installSchedule(options, around),
  printSchedule: async (options: PrintOptions, around: Surroundings) =>
    (await import("../schedule/print.js")).printSchedule(options, around),
  scheduleStatus: async (scope: Scope | undefined, around: Surroundings) =>
    (await import("../schedule/status.js")).scheduleStatus(scope, around),
  removeSchedule: async (scope: Scope | undefined, around: Surroundings) =>
    (await import("../schedule/remove.js")).removeSchedule(scope, around),
  examineFailure: async (unit: string, scope: Scope, around: Surroundings) =>
    (await import("../schedule/alarm.js")).examineFailure(unit, scope, around),
  soundAlarm: async (alarmed: Alarmed, report: AlarmReport, around: Surroundings) =>
    (await import("../schedule/alarm.js")).soundAlarm(alarmed, report, around),
} as const;

export type UseCases = typeof useCases;
