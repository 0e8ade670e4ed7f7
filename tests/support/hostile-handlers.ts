/**
 * What handlers may throw and return that hurts whoever touches it without care, and what becomes of the
 * task: one table for unit tests, for real nodes on each runtime, and for threads, where this is the module.
 */
import { runInNewContext } from "node:vm";
import { FatalError, type Task } from "../../mod.ts";

export interface Hostile {
  readonly run: () => unknown;
  /** Of the task's only error; null: it completes. */
  readonly message: string | null;
  readonly cause?: string;
}

const UNREADABLE = "Cannot encode result: result must be JSON, Uint8Array, Date, bigint or undefined, " +
  "got what throws when it is read";

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function throws(message: string): () => never {
  return () => {
    throw new Error(message);
  };
}

function thrown(make: () => unknown): () => never {
  return () => {
    throw make();
  };
}

const withMessage = (message: unknown): Error => Object.assign(new Error("x"), { message });

function getter(target: object, key: string): object {
  return Object.defineProperty(target, key, { get: throws("no getter"), enumerable: true });
}

function circular(): Error {
  const first = new Error("first");
  first.cause = new TypeError("second", { cause: first });
  return first;
}

function unshowable(): object {
  const fail = throws("not shown");
  return { toJSON: fail, toString: fail, [Symbol.toPrimitive]: fail };
}

export const HOSTILE: Readonly<Record<string, Hostile>> = {
  "message is a number": { run: thrown(() => withMessage(42)), message: "42" },
  "message is an object": { run: thrown(() => withMessage({ a: 1 })), message: '{"a":1}' },
  "message is null": { run: thrown(() => withMessage(null)), message: "null" },
  "message is a symbol": { run: thrown(() => withMessage(Symbol("s"))), message: "Symbol(s)" },
  "message is a proxy": {
    run: thrown(() => withMessage(revoked())),
    message: "something that cannot be shown",
  },
  "message throws": { run: thrown(() => getter(new RangeError("x"), "message")), message: "RangeError" },
  "all of it throws": {
    run: thrown(() => ["name", "message", "stack", "cause", "code"].reduce(getter, new Error("x"))),
    message: "Error",
  },
  "stack is a number": { run: thrown(() => Object.assign(new Error("s"), { stack: 5 })), message: "s" },
  "name is an object": { run: thrown(() => Object.assign(new Error("n"), { name: {} })), message: "n" },
  "a revoked proxy": { run: thrown(revoked), message: "threw an object: something that cannot be shown" },
  "a proxy of an error": {
    run: thrown(() =>
      new Proxy(new Error("p"), { get: throws("trap"), getPrototypeOf: throws("trap"), has: throws("trap") })
    ),
    message: "threw an object: something that cannot be shown",
  },
  "causes in a circle": { run: thrown(circular), message: "first", cause: "TypeError: second" },
  "errors in an error": {
    run: thrown(() => new AggregateError([new Error("a"), "b", revoked()], "many")),
    message: "many",
    cause: "Error: a\nb\nsomething that cannot be shown",
  },
  "a symbol": { run: thrown(() => Symbol("s")), message: "threw a symbol: Symbol(s)" },
  "null": { run: thrown(() => null), message: "threw null" },
  "undefined": { run: thrown(() => undefined), message: "threw undefined" },
  "a bigint": { run: thrown(() => 5n), message: "threw a bigint: 5" },
  "an error of another realm": {
    run: thrown(() => runInNewContext("new RangeError('far', { cause: new Error('farther') })")),
    message: "far",
    cause: "Error: farther",
  },
  "toString throws": {
    run: thrown(unshowable),
    message: "threw an object: something that cannot be shown",
  },
  "a huge message": { run: thrown(() => new Error("m".repeat(1e7))), message: "m".repeat(1000) },
  "half a character": { run: thrown(() => new Error("a\ud800")), message: "a\ufffd" },
  "a huge object": {
    run: thrown(() => new Array(1e6).fill("x")),
    message: `threw an object: ${"x,".repeat(491)}x`,
  },
  "fatal with a cause": {
    run: thrown(() => new FatalError("no", { cause: { code: 1 } })),
    message: "no",
    cause: '{"code":1}',
  },
  "a rejection with a proxy": {
    // deno-lint-ignore require-await
    run: async () => {
      throw revoked();
    },
    message: "threw an object: something that cannot be shown",
  },
  "then throws": { run: () => ({ then: throws("then") }), message: "then" },
  "then calls back and throws": {
    run: () => ({
      then: (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => {
        resolve(1);
        reject(revoked());
        throw new Error("too late");
      },
    }),
    message: null,
  },
  "then cannot be read": {
    run: () => getter({}, "then"),
    message: UNREADABLE.replace("result must", "result.then must"),
    cause: "Error: no getter",
  },
  "a promise that cannot be waited for": {
    run: () => getter(Promise.resolve(1), "constructor"),
    message: "no getter",
  },
  "returns a revoked proxy": { run: revoked, message: UNREADABLE },
  "returns a getter that throws": {
    run: () => ({ a: [getter({}, "b")] }),
    message: UNREADABLE.replace("result must", "result.a[0].b must"),
    cause: "Error: no getter",
  },
  "returns an iterator": {
    run: async function* () {
      yield 1;
    },
    message: "Cannot encode result: result must be JSON, Uint8Array, Date, bigint or undefined, got an " +
      "instance of AsyncGenerator",
  },
  "returns a circle": {
    run: () => {
      const circle: Record<string, unknown> = {};
      circle["a"] = circle;
      return circle;
    },
    message:
      "Cannot encode result: result.a must be JSON, Uint8Array, Date, bigint or undefined, got a cycle",
  },
};

const run = (task: Task<string>): unknown => HOSTILE[task.input]?.run();

export { run as default };
