/** What a snapshot's tags tell of it; restic itself knows when it was made, and on which host. */
export interface Tagged {
  /** Of the run that made it. */
  readonly id: string;
  readonly profile: string;
  readonly label: string | undefined;
  readonly sources: readonly string[];
  readonly files: number;
  /** Of all files in it. */
  readonly bytes: number;
}

const OURS = "holdstill";
/** What was found out when it was stored already. */
export const INCOMPLETE_TAG = "incomplete";

export function tagsOf({ id, profile, label, sources, files, bytes }: Tagged): string[] {
  return [
    ...[OURS, `profile=${profile}`, ...(label === undefined ? [] : [`label=${label}`]), `id=${id}`],
    ...sources.map((source) => `source=${withoutCommas(source)}`),
    ...[`files=${files}`, `bytes=${bytes}`],
  ];
}

/** Undefined where the tags are not those of a snapshot by holdstill. */
export function taggedBy(tags: readonly string[]): (Tagged & { readonly complete: boolean }) | undefined {
  const all = (name: string): string[] =>
    tags.filter((tag) => tag.startsWith(`${name}=`)).map((tag) => tag.slice(name.length + 1));
  const [id] = all("id");
  const [profile] = all("profile");
  if (!tags.includes(OURS) || id === undefined || profile === undefined) return undefined;
  return {
    ...{ id, profile, label: all("label")[0], sources: all("source").map(withCommas) },
    ...{ files: Number(all("files")[0] ?? 0), bytes: Number(all("bytes")[0] ?? 0) },
    complete: !tags.includes(INCOMPLETE_TAG),
  };
}

/** A comma separates tags. */
function withoutCommas(text: string): string {
  return text.replace(/[%,]/g, (character) => (character === "%" ? "%25" : "%2C"));
}

function withCommas(text: string): string {
  return text.replace(/%(25|2C)/g, (_, code: string) => (code === "25" ? "%" : ","));
}
