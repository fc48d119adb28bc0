import { createRequire } from "node:module";

const { version } = createRequire(import.meta.url)("holdstill/package.json") as { readonly version: string };

export const VERSION = version;
