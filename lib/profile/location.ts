import { posix } from "node:path";
import type { Look } from "./plan.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What OpenClaw resolves its paths by. */
export interface Place {
  readonly env: Environment;
  /** The operating system's idea of the home directory. */
  readonly homedir: string;
  readonly cwd: string;
}

export interface Location {
  readonly stateDir: string;
  readonly configPath: string;
  readonly oauthDir: string;
  /** The workspace of an agent for which none is configured. */
  readonly workspaceDir: string;
}

const STATE_NAMES = [".openclaw", ".clawdbot"];
const CONFIG_NAMES = ["openclaw.json", "clawdbot.json"];
const PROFILE_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/i;

/** Where OpenClaw 2026.9 keeps its things, by its environment and what exists. */
export function locate(place: Place, look: Look): Location {
  const { env } = place;
  const stateDir = stateDirectory(place, look);
  const configured = given(env, "OPENCLAW_CONFIG_PATH");
  const oauth = given(env, "OPENCLAW_OAUTH_DIR");
  return {
    stateDir,
    configPath: configured === undefined ? firstExisting(stateDir, CONFIG_NAMES, look) : userPath(configured, place),
    oauthDir: oauth === undefined ? posix.join(stateDir, "credentials") : userPath(oauth, place),
    workspaceDir: defaultWorkspace(place, stateDir),
  };
}

/** A path as a person writes it: `~` is OpenClaw's home, and what is relative is relative to the working directory. */
export function userPath(path: string, place: Place): string {
  return posix.resolve(
    place.cwd,
    path.trim().replace(/^~(?=$|\/)/, () => openclawHome(place)),
  );
}

function openclawHome(place: Place): string {
  const { env, homedir, cwd } = place;
  const system = home(env, "HOME") ?? home(env, "USERPROFILE") ?? homedir;
  const explicit = home(env, "OPENCLAW_HOME") ?? system;
  return posix.resolve(
    cwd,
    explicit.replace(/^~(?=$|\/)/, () => system),
  );
}

function stateDirectory(place: Place, look: Look): string {
  const configured = given(place.env, "OPENCLAW_STATE_DIR");
  if (configured !== undefined) return userPath(configured, place);
  const named = profileDirectory(place);
  if (named !== undefined && look.kind(posix.join(named, "openclaw.json")) === "file") return named;
  return firstExisting(openclawHome(place), STATE_NAMES, look);
}

/**
 * `openclaw --profile X` sets OPENCLAW_STATE_DIR to this; OPENCLAW_PROFILE alone moves no more than the default
 * workspace (tried with 2026.9.6). Who sets it for a backup means the profile's state, where there is one.
 */
function profileDirectory(place: Place): string | undefined {
  const profile = given(place.env, "OPENCLAW_PROFILE");
  if (profile === undefined || profile.toLowerCase() === "default" || !PROFILE_NAME.test(profile)) return undefined;
  return posix.join(openclawHome(place), `.openclaw-${profile}`);
}

function defaultWorkspace(place: Place, stateDir: string): string {
  const explicit = given(place.env, "OPENCLAW_WORKSPACE_DIR");
  if (explicit !== undefined) return posix.resolve(place.cwd, explicit);
  if (given(place.env, "OPENCLAW_STATE_DIR") !== undefined) return posix.join(stateDir, "workspace");
  return posix.join(profileDirectory(place) ?? posix.join(openclawHome(place), ".openclaw"), "workspace");
}

function firstExisting(directory: string, names: readonly string[], look: Look): string {
  const paths = names.map((name) => posix.join(directory, name));
  return paths.find((path) => look.kind(path) !== undefined) ?? posix.join(directory, names[0] ?? "");
}

function given(env: Environment, name: string): string | undefined {
  return env[name]?.trim() || undefined;
}

/** Shells and service managers hand on unset homes as these words. */
function home(env: Environment, name: string): string | undefined {
  const value = given(env, name);
  return value === "undefined" || value === "null" ? undefined : value;
}
