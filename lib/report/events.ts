/** What a use case tells while it works. The library prints nothing: whoever calls it decides what is shown. */
export type Event =
  | { readonly type: "phase"; readonly phase: Phase; readonly totalBytes?: number; readonly totalFiles?: number }
  | { readonly type: "progress"; readonly files: number; readonly bytes: number }
  | { readonly type: "warning"; readonly message: string }
  /** Another program has the terminal until the next event. */
  | { readonly type: "handover" }
  /** A line of another program: of a hook, by its moment. */
  | { readonly type: "said"; readonly by: string; readonly text: string };

export type Phase = "freeze" | "settle" | "store" | "archive" | "verify" | "read" | "restore" | "upload" | "download";

export type OnEvent = (event: Event) => void;
