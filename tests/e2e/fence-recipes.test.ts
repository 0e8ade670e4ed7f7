/** The fence recipes of examples/fence, each on the real thing; docs/fencing.md quotes them. */
import { fenceSuite } from "../support/fence-suite.ts";

fenceSuite("sqlite-row");
fenceSuite("sqlite-transaction");
fenceSuite("postgres-row");
fenceSuite("postgres-transaction");
fenceSuite("redis");
fenceSuite("file");
fenceSuite("http");
