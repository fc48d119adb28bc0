"use strict";
// Mocha's usual output, and a line of JSON in the file that `--reporter-option counts=FILE` names: how many specs
// passed, failed and were skipped, and of those that failed the titles and the errors.
const { appendFileSync } = require("node:fs");
const { reporters } = require("mocha");

module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = options.reporterOption.counts;
    const errors = [];
    runner.on("fail", (spec, error) => errors.push(`${spec.fullTitle()}: ${error.message}`));
    runner.once("end", () => {
      const { passes: passed, failures: failed, pending: skipped } = runner.stats;
      appendFileSync(file, `${JSON.stringify({ passed, failed, skipped, errors })}\n`);
    });
  }
};
