import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/**
 * What only some files may touch: modules of others, `files` of our own (by a pattern of their import, types excepted),
 * globals and syntax, with the sentence that lint says about it.
 */
const walls = {
  process: {
    modules: ["process", "node:process", "console", "node:console"],
    globals: ["process", "console"],
    message: "Only lib/cli touches the process and its terminal; take what you need as an argument.",
  },
  yargs: {
    modules: ["yargs", "yargs/helpers", "yargs/yargs"],
    message: "Only lib/cli parses arguments.",
  },
  disk: {
    modules: ["fs", "fs/promises", "node:fs", "node:fs/promises", "fs-extra", "fs-extra/esm"],
    message: "Only lib/filesystem.ts imports fs; take a Filesystem as an argument.",
  },
  archiver: {
    modules: ["archiver"],
    message: "Only lib/archive/write.ts knows archiver.",
  },
  sqlite: {
    modules: ["sqlite", "node:sqlite", "@photostructure/sqlite"],
    files: "/(sqlite|database-at-rest|database-pins?|database-place|database-deliveries)\\.js$",
    message: "SQLite lives in a process of its own: lib/stage/database-child.ts and what it imports.",
  },
  clock: {
    modules: ["perf_hooks", "node:perf_hooks", "timers", "node:timers", "timers/promises", "node:timers/promises"],
    globals: ["performance", "setTimeout", "setInterval", "setImmediate"],
    syntax: [
      "MemberExpression[object.name='Date'][property.name='now']",
      "NewExpression[callee.name='Date'][arguments.length=0]",
      "CallExpression[callee.name='Date']",
      "MemberExpression[object.name='Math'][property.name='random']",
    ],
    message: "This file is pure: `now` is an argument.",
  },
  machine: {
    modules: ["os", "node:os", "child_process", "node:child_process"],
    message: "This file is pure: what it needs to know of the machine is an argument.",
  },
  port: {
    modules: [],
    files: "/filesystem\\.js$",
    message: "This file is pure: it may use the port's types, not the disk.",
  },
};

const shape = [
  { selector: "ExportDefaultDeclaration", message: "Export by name." },
  {
    selector:
      ":matches(ClassDeclaration, ClassExpression):not([superClass.name=/(Error|Readable|Writable|Duplex|Transform|PassThrough)$/])",
    message: "Classes are for errors and streams; use functions and readonly data.",
  },
];

/** `import("…")` passes `no-restricted-imports`, so a selector stands guard over it. */
function dynamicImportOf(modules) {
  const names = modules.map((name) => name.replaceAll("/", "\\/")).join("|");
  return `ImportExpression[source.value=/^(${names})$/]`;
}

/** The rules for files that stay behind these walls. A later block replaces an earlier one: options do not add up. */
function behind(names) {
  const chosen = names.map((name) => walls[name]);
  return {
    "@typescript-eslint/no-restricted-imports": [
      "error",
      {
        paths: chosen.flatMap(({ modules, message }) => modules.map((name) => ({ name, message }))),
        patterns: chosen.flatMap(({ files, message }) =>
          files === undefined ? [] : [{ regex: files, message, allowTypeImports: true }],
        ),
      },
    ],
    "no-restricted-globals": [
      "error",
      {
        globals: chosen.flatMap(({ globals = [], message }) => globals.map((name) => ({ name, message }))),
        checkGlobalObject: true,
      },
    ],
    "no-restricted-syntax": [
      "error",
      ...shape,
      ...chosen.flatMap(({ syntax = [], message }) => syntax.map((selector) => ({ selector, message }))),
      ...chosen.flatMap(({ modules, message }) =>
        modules.length > 0 ? [{ selector: dynamicImportOf(modules), message }] : [],
      ),
    ],
  };
}

const everywhere = ["process", "yargs", "disk", "archiver", "sqlite"];
const pure = [...everywhere, "clock", "machine", "port"];

function without(...open) {
  return everywhere.filter((name) => !open.includes(name));
}

export default defineConfig(
  globalIgnores(["dist/", "coverage/"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  eslint.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      "@typescript-eslint/use-unknown-in-catch-callback-variable": "error",
      "@typescript-eslint/no-unnecessary-type-arguments": "error",
      "@typescript-eslint/no-deprecated": "error",
      "@typescript-eslint/prefer-readonly": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "@typescript-eslint/return-await": ["error", "error-handling-correctness-only"],
      // A method that returns a promise because its interface says so need not await anything.
      "@typescript-eslint/require-await": "off",
      eqeqeq: "error",
      "prefer-const": "error",
      "no-restricted-syntax": ["error", ...shape],
    },
  },

  { files: ["lib/**/*.ts"], rules: behind(everywhere) },
  { files: ["lib/cli/**/*.ts"], rules: behind(without("process", "yargs")) },
  // Asks what stderr is, before anything else is loaded: no file's content.
  { files: ["lib/cli/journal.ts"], rules: behind(without("process", "yargs", "disk")) },
  { files: ["lib/filesystem.ts"], rules: behind(without("disk")) },
  { files: ["lib/archive/write.ts"], rules: behind(without("archiver")) },
  // Says which process this is, and asks /proc whether another one lives: identity, not terminal.
  { files: ["lib/vault/owner.ts"], rules: behind(without("process", "disk")) },
  // Ends what it has started, by its process id.
  { files: ["lib/guard/command.ts"], rules: behind(without("process")) },
  // Ends a process group, by its number.
  { files: ["lib/end-group.ts"], rules: behind(without("process")) },
  // Says which Node this is, for the archive's manifest.
  { files: ["lib/version.ts"], rules: behind(without("process")) },
  // A process of its own, with its own messages and exit. Its files open databases themselves: a close drops the locks
  // that the process holds on a database, so only they know when one may happen.
  { files: ["lib/stage/database-child.ts"], rules: behind(without("process", "disk", "sqlite")) },
  {
    files: ["lib/stage/{sqlite,database-at-rest,database-pin,database-pins,database-place,database-deliveries}.ts"],
    rules: behind(without("disk", "sqlite")),
  },
  // Opens what SQLite, in that process, waits for.
  { files: ["lib/stage/waiting-fifos.ts"], rules: behind(without("disk")) },
  {
    files: [
      "lib/config/*.ts",
      "lib/profile/*.ts",
      "lib/archive/{index,manifest,name}.ts",
      "lib/vault/{retention,span}.ts",
      "lib/report/*.ts",
      "lib/schedule/{cron,quote,sandbox,schedule,units}.ts",
    ],
    // These bind the rules of a profile, and what is configured, to a disk.
    ignores: ["lib/profile/discover.ts", "lib/config/{find,load}.ts"],
    rules: behind(pure),
  },

  {
    files: ["spec/**/*.ts"],
    rules: {
      // chai's `expect(…).to.be.true` is an expression.
      "@typescript-eslint/no-unused-expressions": "off",
    },
  },
  {
    files: ["**/*.js", "**/*.cjs"],
    languageOptions: {
      globals: Object.fromEntries(
        ["Buffer", "URL", "clearInterval", "clearTimeout", "console", "performance", "process", "setTimeout"].map(
          (name) => [name, "readonly"],
        ),
      ),
    },
  },
  {
    files: ["**/*.cjs"],
    languageOptions: { sourceType: "commonjs", globals: { require: "readonly", module: "writable" } },
  },
);
