import { IGNORE_FILE, type Rule } from "./exclude.js";
import { STATE_RULES } from "./openclaw-rules.js";
import { anchoredBelow } from "./pattern.js";

/** Rules whose name is no pattern: what they leave out is known by its content, or by what lies beside it. */
const BY_CONTENT = /^(?:openclaw|sqlite|holdstill):|^CACHEDIR\.TAG$/;

/** The rules that an index names, as patterns again. Of those that go by content there are none. */
export function recordedRules(names: Iterable<string>): Rule[] {
  return [...names].flatMap((name) => {
    const known = STATE_RULES.filter((rule) => rule.name === name);
    if (known.length > 0) return known;
    const [, directory = ".", line] = ignoreFileRule(name);
    if (line !== undefined) return [{ name, pattern: anchoredBelow(directory, line) }];
    return BY_CONTENT.test(name) ? [] : [{ name, pattern: name }];
  });
}

/** `sub/.holdstillignore: *.tmp`, as the report names the lines of ignore files. */
function ignoreFileRule(name: string): readonly (string | undefined)[] {
  const at = name.indexOf(`${IGNORE_FILE}: `);
  if (at < 0 || (at > 0 && name[at - 1] !== "/")) return [];
  return [name, at === 0 ? undefined : name.slice(0, at - 1), name.slice(at + IGNORE_FILE.length + 2)];
}
