import { expect } from "chai";
import { terminalOn } from "../../lib/cli/terminal.js";

function screen(tty: { readonly isTTY?: boolean; readonly columns?: number }, term = "xterm", journal = false) {
  const written: string[] = [];
  const write = (to: string) => (data: string | Uint8Array) => written.push(`${to}:${data.toString()}`);
  const terminal = terminalOn({ write: write("out") }, { write: write("err"), ...tty }, { term, journal });
  return { terminal, written } as const;
}

describe("terminal", () => {
  it("takes the progress line away before anything is told or printed", () => {
    const { terminal, written } = screen({ isTTY: true, columns: 80 });
    terminal.status("one");
    terminal.tell(["warning"]);
    terminal.print(["result"]);
    terminal.status("");
    expect(written).to.deep.equal(["err:\r\x1b[Kone", "err:\r\x1b[K", "err:warning\n", "out:result\n"]);
  });

  it("writes nothing raw that a terminal would obey", () => {
    const { terminal, written } = screen({ isTTY: true });
    terminal.print(["a\x1b[2J\nb"]);
    terminal.status("c\u009b");
    expect(written).to.deep.equal(["out:a\\u001b[2J\\u000ab\n", "err:\r\x1b[Kc\\u009b"]);
  });

  it("tells the journal how grave each line is", () => {
    const { terminal, written } = screen({}, "dumb", true);
    terminal.tell(["failed", "do this"]);
    terminal.tell(["careful"], "warning");
    terminal.print(["result"]);
    expect(written).to.deep.equal(["err:<3>failed\n<3>do this\n", "err:<4>careful\n", "out:result\n"]);
  });

  it("has columns only where a line can be redrawn", () => {
    expect(screen({ isTTY: true, columns: 120 }).terminal.columns()).to.equal(120);
    expect(screen({ isTTY: true, columns: 0 }).terminal.columns()).to.equal(80);
    expect(screen({ isTTY: true, columns: 120 }, "dumb").terminal.columns()).to.equal(undefined);
    expect(screen({}).terminal.columns()).to.equal(undefined);
  });
});
