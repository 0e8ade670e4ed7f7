/** What both reporters say, as JSON. */
import { cpuReporter, memoryReporter } from "../../src/consumer/balancers/reporters.ts";

console.log(JSON.stringify([memoryReporter().used(), cpuReporter().used()]));
