import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { CACHE_DIRECTORY, excludedByContent, PRIVATE_CAPTURE } from "../../lib/profile/marker.js";

const SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55";
const markers = [PRIVATE_CAPTURE, CACHE_DIRECTORY];

function rule(files: Record<string, string>): string | undefined {
  const listed = Object.keys(files).map((name) => ({ name: bytesOf(name), kind: "file" as const }));
  return excludedByContent(markers, listed, (name, length) => Buffer.from((files[name] ?? "").slice(0, length)));
}

describe("excludedByContent", () => {
  const table: [title: string, files: Record<string, string>, rule: string | undefined][] = [
    ["keeps a directory without a marker", { a: "", "CACHEDIR.TAG.bak": SIGNATURE }, undefined],
    ["leaves out one with a signed CACHEDIR.TAG", { a: "", "CACHEDIR.TAG": `${SIGNATURE}\n# by x` }, "CACHEDIR.TAG"],
    ["keeps one whose CACHEDIR.TAG is not signed", { "CACHEDIR.TAG": "Signature: no" }, undefined],
    [
      "leaves out a private capture by the name of its marker",
      { [PRIVATE_CAPTURE.name]: "" },
      "openclaw:update-captures",
    ],
  ];
  for (const [title, files, expected] of table) it(title, () => expect(rule(files)).to.equal(expected));

  it("keeps a directory whose marker cannot be read", () => {
    const listed = [{ name: CACHE_DIRECTORY.name, kind: "file" as const }];
    expect(excludedByContent(markers, listed, () => undefined)).to.equal(undefined);
  });
});
