/** The library: what the commands do, as functions. They print nothing and never end the process. */
export { create, plan, type CreateOptions } from "./create.js";
export { HoldstillError, type ErrorCode } from "./errors.js";
export { disk, type Filesystem } from "./filesystem.js";
export type { CreatePlan, CreateReport } from "./report/create-report.js";
export type { Event, OnEvent } from "./report/events.js";
export { createScratch, type Scratch } from "./scratch.js";
export type { Surroundings } from "./surroundings.js";
export { verify, type VerifyReport } from "./verify.js";
