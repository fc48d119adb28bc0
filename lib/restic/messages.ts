/** What restic adds up at the end of a backup. Bytes. */
export interface ResticSummary {
  readonly snapshot: string;
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnmodified: number;
  readonly bytesProcessed: number;
  /** What was new to the repository. */
  readonly bytesAdded: number;
}

export type ResticMessage =
  | { readonly type: "status"; readonly files: number; readonly bytes: number }
  | { readonly type: "summary"; readonly summary: ResticSummary };

/** A line that restic prints with `--json`; undefined for those that say nothing to us. */
export function parseMessage(line: string): ResticMessage | undefined {
  const fields = fieldsOf(line);
  const count = (name: string): number => (typeof fields?.[name] === "number" ? fields[name] : 0);
  if (fields?.["message_type"] === "status") {
    return { type: "status", files: count("files_done"), bytes: count("bytes_done") };
  }
  const snapshot = fields?.["snapshot_id"];
  if (fields?.["message_type"] !== "summary" || typeof snapshot !== "string") return undefined;
  return {
    type: "summary",
    summary: {
      snapshot,
      filesNew: count("files_new"),
      filesChanged: count("files_changed"),
      filesUnmodified: count("files_unmodified"),
      bytesProcessed: count("total_bytes_processed"),
      bytesAdded: count("data_added"),
    },
  };
}

/** What is in a line of JSON; undefined where it is something else. */
export function fieldsOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
