import { bytesOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
