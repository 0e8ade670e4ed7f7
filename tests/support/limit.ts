/**
 * The one limit of time of every test, set before any is loaded (bunfig.toml). It is there for what never
 * ends: nobody knows how busy the machine is, so tests have no limits of their own.
 */
import { setDefaultTimeout } from "bun:test";

setDefaultTimeout(240_000);
