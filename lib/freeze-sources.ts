import { parentOf, type Bytes } from "./bytes.js";
import { keepYoungSmall, spareMemory } from "./memory.js";
import type { Prepared } from "./prepare.js";
import type { Strategy } from "./stage/capture.js";
import { freeze, type Frozen } from "./stage/freeze.js";
import type { Stage } from "./stage/place.js";
import type { Surroundings } from "./surroundings.js";

/** The directories that stages are placed for: a source that is a file lies in its directory. */
export function rootsOf(sources: Prepared["sources"]): Bytes[] {
  return sources.map(({ path, type }) => (type === "file" ? parentOf(path) : path));
}

/** Freezes each source into its stage, and tells of it. */
export function freezeSources(
  { fs, now, signal, onEvent }: Surroundings,
  sources: Prepared["sources"],
  stages: readonly Stage[],
  strategy: Strategy,
): Promise<Frozen> {
  keepYoungSmall();
  onEvent({ type: "phase", phase: "freeze" });
  const staged = sources.flatMap((source, index) => {
    const stage = stages[index];
    return stage ? [{ ...source, stage }] : [];
  });
  return freeze(fs, staged, {
    ...{ strategy, now, signal },
    onProgress(files) {
      spareMemory(files);
      onEvent({ type: "progress", files, bytes: 0 });
    },
  });
}
