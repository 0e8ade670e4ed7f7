/**
 * A fence checked by Redis: a script, which nothing else runs in between, compares and writes. Fences are
 * compared as decimal texts, because Lua's numbers are exact up to 2^53 only. Any other effect within Redis
 * can stand in the script, after the comparison.
 *
 * The fence is as safe as what Redis keeps: no expiry on the key, `maxmemory-policy noeviction`, and
 * `appendfsync always` if it may lose power. After a failover to a replica that lagged, the highest fence
 * may be forgotten, and then a late writer gets through. Where that must not be, check the fence in a
 * database.
 */
import type { Redis } from "ioredis";

/** `repeated`: this fence has written before, and nothing was done. `refused`: a higher one has written. */
export type Verdict = "written" | "repeated" | "refused";

const COMPARE_AND_SET = `
local stands, mine = redis.call('hget', KEYS[1], 'fence'), ARGV[1]
if stands == mine then return 'repeated' end
if stands and (#stands > #mine or (#stands == #mine and stands > mine)) then return 'refused' end
redis.call('hset', KEYS[1], 'fence', mine, 'value', ARGV[2])
return 'written'
`;

export async function writeFenced(
  redis: Redis,
  { key, fence, value }: { readonly key: string; readonly fence: bigint; readonly value: string },
): Promise<Verdict> {
  return await redis.eval(COMPARE_AND_SET, 1, key, String(fence), value) as Verdict;
}
