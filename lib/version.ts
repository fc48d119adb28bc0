import { createRequire } from "node:module";
import { platform, version as nodeVersion } from "node:process";

const require = createRequire(import.meta.url);

/** What this program is and runs on, as archives tell it. */
export const VERSION = (require("holdstill/package.json") as { readonly version: string }).version;
export const NODE_VERSION = nodeVersion.replace(/^v/, "");
export const PLATFORM: string = platform;
