/** What both reporters say, as JSON. */
import { cpuReporter, memoryReporter } from "../../../src/consumer/balancer-reporters.ts";

console.log(JSON.stringify([memoryReporter().used(), cpuReporter().used()]));
