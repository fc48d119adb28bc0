/** A path as a gitignore pattern that matches just that path. */
export function literal(path: string): string {
  const escaped = path.replace(/[\\*?[\]]/g, "\\$&");
  return escaped.replace(/ +$/, (spaces) => spaces.replaceAll(" ", "\\ "));
}

/** A gitignore line for `directory` as the line for its root that means the same; `.` is the root itself. */
export function anchoredBelow(directory: string, line: string): string {
  if (directory === ".") return line;
  const negation = line.startsWith("!") ? "!" : "";
  const pattern = line.slice(negation.length);
  const anchored = /\/(?!\s*$)/.test(pattern);
  return `${negation}/${literal(directory)}/${anchored ? pattern.replace(/^\//, "") : `**/${pattern}`}`;
}
