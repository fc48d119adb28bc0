/** What a use case tells while it works. The library prints nothing: whoever calls it decides what is shown. */
export type Event =
  | { readonly type: "phase"; readonly phase: Phase; readonly totalBytes?: number; readonly totalFiles?: number }
  | { readonly type: "progress"; readonly files: number; readonly bytes: number }
  | { readonly type: "warning"; readonly message: string };

export type Phase = "freeze" | "archive" | "verify";

export type OnEvent = (event: Event) => void;
