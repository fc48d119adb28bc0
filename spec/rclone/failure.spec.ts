import { expect } from "chai";
import { rcloneFailure } from "../../lib/rclone/failure.js";

const SAID: readonly (readonly [said: string, code: string, message: string])[] = [
  [
    '2026/11/26 04:25:24 Failed to create file system for "holdstill_place:": NewFs: couldn\'t connect SSH: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password], no supported methods remain',
    "wrong-key",
    "rclone is refused by the remote: NewFs: couldn't connect SSH: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password], no supported methods remain",
  ],
  ["Failed to lsjson: read metadata failed: Unauthorized: 401 Unauthorized", "wrong-key", "rclone is refused by"],
  ["2026/11/26 Fatal: Couldn't decrypt configuration, most likely wrong password.", "wrong-key", "rclone is refused"],
  ["Failed to copyto: write /r/x: no space left on device", "no-space", "no space is left on the remote: Failed to"],
  ["Failed to create file system: didn't find section in config file", "output-unusable", "rclone cannot use"],
  ["Failed to copyto: dial tcp 127.0.0.1:1: connect: connection refused", "output-unusable", "rclone cannot use"],
  ["Failed to copyto: mkdir /r: read-only file system", "output-unusable", "rclone cannot use the remote"],
  [
    "2026/11/27 04:41:53 Failed to lsjson: InvalidAccessKeyId: The key does not exist.\n\tstatus code: 403, request id: ",
    "wrong-key",
    "rclone is refused by the remote: Failed to lsjson: InvalidAccessKeyId: The key does not exist. status code: 403",
  ],
  ["Failed to copyto: something else", "io", "rclone failed: Failed to copyto: something else"],
  ["", "io", "rclone failed: exit code 1"],
];

describe("what rclone says when it fails", () => {
  for (const [said, code, message] of SAID) {
    it(`is ${code}: ${JSON.stringify(said.slice(-50))}`, () => {
      const failure = rcloneFailure(1, said);
      expect(failure).to.include({ code });
      expect(failure.message.startsWith(message), failure.message).to.equal(true);
    });
  }

  it("is the last message, without statistics and without secrets", () => {
    const said =
      '{"level":"error","msg":"Failed to copy: https://me:secret@nas/ is \\"gone\\"","source":"x"}\n{"level":"warning","msg":"-","stats":{"bytes":1}}\n';
    expect(rcloneFailure(1, said).message).to.equal('rclone failed: Failed to copy: https://me:***@nas/ is "gone"');
  });
});
