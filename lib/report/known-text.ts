import type { Summary } from "../archive/summary.js";
import { countText, sizeText } from "./size.js";

/** What the summary of an encrypted archive tells to everybody. */
export function knownText({ createdAt, host, counts, complete, bad }: Summary): string {
  const state = bad === undefined ? (complete === false ? "incomplete" : "complete") : "found bad since";
  return `Known without: made ${createdAt} on ${host}, ${countText(counts.files, "file")}, ${sizeText(counts.bytes)}, ${state}.`;
}
