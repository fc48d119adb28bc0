import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  Parser,
  visit,
  type CST,
  type Document,
} from "yaml";

/** A place in a text; lines and columns count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

interface Spoilt {
  readonly from: number;
  readonly to: number;
}

export interface Flaw extends Position {
  readonly message: string;
  /** The lines that may have been read wrongly because of it. */
  readonly spoilt: Spoilt | undefined;
}

export type Path = readonly (string | number)[];

export interface Yaml {
  /** Plain data, as far as the text could be read. */
  readonly data: unknown;
  readonly flaws: readonly Flaw[];
  /** Where the value at a path stands, or the nearest one around it. */
  readonly valueAt: (path: Path) => Position;
  /** Where the key of a path stands. */
  readonly keyAt: (path: Path) => Position;
}

/** Reads YAML 1.2, with the position of everything in it. */
export function readYaml(text: string): Yaml {
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const deep = tooDeep(tokens);
  if (deep !== undefined) return unread("this is nested too deeply", position(deep));
  const document = parseDocument(text, { stringKeys: true, prettyErrors: false, logLevel: "error" });
  const odd = document.errors.find(({ code }) => code === "NON_STRING_KEY");
  // Of what stands for such a key yaml would make a text, which can be longer than there is memory.
  if (odd !== undefined) return unread("a key is a text", position(odd.pos[0]));
  const lineOf = (offset: number): Spoilt => {
    const { line } = position(offset);
    return { from: line, to: line };
  };
  const restFrom = (offset: number): Spoilt => ({ from: position(keyAround(document, offset)).line, to: Infinity });
  const flaws = [...document.errors, ...document.warnings].map(({ code, message, pos: [offset] }): Flaw => {
    const text = `${message.slice(0, 1).toLowerCase()}${message.slice(1)}`.replace(/\.$/, "");
    const place = position(offset);
    if (code === "DUPLICATE_KEY") return { message: "this key is there already", spoilt: undefined, ...place };
    if (code === "TAG_RESOLVE_FAILED") return { message: `${text}: ${QUOTE}`, spoilt: lineOf(offset), ...place };
    return { message: `no valid YAML: ${text}`, spoilt: restFrom(offset), ...place };
  });
  for (const { name, offset } of textsLikeAliases(document)) {
    flaws.push({ message: `there is no anchor ${name}: ${QUOTE}`, spoilt: lineOf(offset), ...position(offset) });
  }
  const data = plain(document);
  if (data === TOO_MUCH) {
    const offset = firstAlias(document);
    flaws.push({
      message: "the aliases stand for too much: write out what they stand for",
      spoilt: restFrom(offset),
      ...position(offset),
    });
  }
  return {
    data: data === TOO_MUCH ? undefined : data,
    flaws: oneOfEachLine(flaws),
    valueAt: (path) => position(offsetOf(document, path, "value")),
    keyAt: (path) => position(offsetOf(document, path, "key")),
  };
}

/** Levels of lists and mappings: more than any configuration has, and fewer than there is stack for. */
const MOST_LEVELS = 100;

/** Where tokens go deeper than that. They are made without a stack, as nothing that comes after is. */
function tooDeep(tokens: readonly CST.Token[]): number | undefined {
  const waiting = tokens.map((token) => ({ token, level: 0 }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, level } = next;
    if (level > MOST_LEVELS) return token.offset;
    const value = "value" in token ? [token.value] : [];
    const inside = "items" in token ? token.items.flatMap(({ key, value }) => [key, value]) : value;
    for (const child of inside) if (child) waiting.push({ token: child, level: level + 1 });
  }
  return undefined;
}

function unread(message: string, place: Position): Yaml {
  const at = (): Position => place;
  const flaws = [{ message, spoilt: { from: 1, to: Infinity }, ...place }];
  return { data: undefined, flaws, valueAt: at, keyAt: at };
}

const QUOTE = "put quotes around a text that begins with * or !";
const TOO_MUCH = Symbol("too much");

/** Broken syntax is told of in several ways. */
function oneOfEachLine(flaws: readonly Flaw[]): Flaw[] {
  const broken = new Set<number>();
  return flaws.filter(({ line, spoilt }) => spoilt?.to !== Infinity || (!broken.has(line) && broken.add(line)));
}

/** Where the key at the top begins that a place belongs to. */
function keyAround({ contents }: Document, offset: number): number {
  const starts = isMap(contents) ? contents.items.map(({ key }) => startOf(key) ?? 0) : [];
  return starts.findLast((start) => start <= offset) ?? offset;
}

/** A few kilobytes of aliases can stand for gigabytes. */
const ALIASES = 100;

function plain(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return TOO_MUCH;
  }
}

/** Replaces what is no alias because there is no such anchor: `*.log` was meant as a text. */
function textsLikeAliases(document: Document): { readonly name: string; readonly offset: number }[] {
  const found: { name: string; offset: number }[] = [];
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      found.push({ name: alias.source, offset: alias.range?.[0] ?? 0 });
      return document.createNode(`*${alias.source}`);
    },
  });
  return found;
}

function firstAlias(document: Document): number {
  let offset = 0;
  visit(document, {
    Alias: (_, alias) => {
      offset = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

function offsetOf(document: Document, path: Path, what: "key" | "value"): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const last = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(step));
      if (pair === undefined) return offset;
      node = pair.value;
      offset = (last && what === "key" ? startOf(pair.key) : (startOf(node) ?? startOf(pair.key))) ?? offset;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : undefined;
}
