/**
 * What a task is called and what its input looks like, and whether an input does; shared by those who submit
 * tasks and those who run them.
 */
import { InvalidInputError, InvalidResultError, type SchemaIssue } from "../base/errors.ts";
import { isInstance } from "../base/thrown.ts";
import { LIMITS } from "../protocol/model/limits.ts";

/** Standard Schema v1 (https://standardschema.dev): zod, valibot, arktype and others make these. */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What a schema takes. */
export type SchemaInput<S> = S extends StandardSchemaV1<infer I, infer _> ? I : unknown;

/** What a schema gives back. */
export type SchemaOutput<S> = S extends StandardSchemaV1<infer _, infer O> ? O : unknown;

/** Types whose values no record can hold: they are refused when they are submitted. */
type Unstorable =
  | ((...args: never) => unknown)
  | symbol
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | WeakMap<WeakKey, unknown>
  | WeakSet<WeakKey>
  | PromiseLike<unknown>
  | RegExp
  | Error
  | ArrayBuffer;

type Leaf = string | number | boolean | bigint | null | undefined | void | Date | Uint8Array;

/** `T`, `never` wherever it cannot be stored: values are JSON plus Uint8Array, Date, bigint, undefined. */
export type Storable<T> = T extends Leaf ? T
  : T extends Unstorable ? never
  : T extends object ? { [K in keyof T]: Storable<T[K]> }
  : T;

/** What may be submitted as an `I`; where the definition says nothing of it, as what it is: `V`. */
export type SubmitInput<I, V> = unknown extends I ? V & Storable<V> : I & Storable<I>;

/**
 * A kind of task: `I` is what is submitted, `O` the result that its end has. With schemas that transform, `P`
 * is what the handler gets, and `R` what it returns.
 */
export interface TaskDefinition<I = unknown, O = unknown, P = I, R = O> {
  readonly name: string;
  /** Checked at submit and again before the handler runs. What is stored is what was submitted. */
  readonly input?: StandardSchemaV1<I, P>;
  /** What the handler returns is checked against it; what it makes of that is stored. */
  readonly output?: StandardSchemaV1<R, O>;
  /** Never there: carries the types where there is no schema. */
  readonly "~types"?: { readonly input: I; readonly result: O; readonly parsed: P; readonly returned: R };
}

/**
 * Names a kind of task. With a schema of its input or its result the types are the schema's:
 * `defineTask({ name, input: z.object({ … }), output: z.string() })`; without they are said:
 * `defineTask<{ ms: number }, string>({ name })`.
 *
 * @throws TypeError when the name is no text of 1 to 256 bytes, or a schema no Standard Schema
 */
export function defineTask<I = unknown, O = unknown>(
  definition: { readonly name: string; readonly input?: undefined; readonly output?: undefined },
): TaskDefinition<I, O>;
export function defineTask<
  S extends StandardSchemaV1 | undefined = undefined,
  T extends StandardSchemaV1 | undefined = undefined,
>(
  definition: { readonly name: string; readonly input?: S; readonly output?: T },
): TaskDefinition<SchemaInput<S>, SchemaOutput<T>, SchemaOutput<S>, SchemaInput<T>>;
export function defineTask<I, O = unknown>(
  definition: {
    readonly name: string;
    readonly input?: StandardSchemaV1<I> | undefined;
    readonly output?: StandardSchemaV1<O> | undefined;
  },
): TaskDefinition<I, O>;
export function defineTask(
  definition: {
    readonly name: string;
    readonly input?: StandardSchemaV1 | undefined;
    readonly output?: StandardSchemaV1 | undefined;
  },
): TaskDefinition {
  const { name } = definition;
  checkName(name);
  return {
    name,
    ...schemaOf(name, "input", definition.input),
    ...schemaOf(name, "output", definition.output),
  };
}

function schemaOf<K extends string>(
  task: string,
  key: K,
  schema: StandardSchemaV1 | undefined,
): { readonly [P in K]?: StandardSchemaV1 } {
  if (schema === undefined) return {};
  if (typeof schema?.["~standard"]?.validate === "function") {
    return { [key]: schema } as { readonly [P in K]: StandardSchemaV1 };
  }
  throw new TypeError(`Cannot define task "${task}": ${key} must be a Standard Schema, got ${typeof schema}`);
}

function checkName(name: unknown): void {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(
      `Cannot define a task: name must be a text that is not empty, got ${JSON.stringify(name)}`,
    );
  }
  const bytes = new TextEncoder().encode(name).length;
  if (bytes <= LIMITS.nameBytesMax) return;
  throw new TypeError(`Cannot define a task: name may have ${LIMITS.nameBytesMax} bytes, got ${bytes}`);
}

/**
 * Checks an input against a definition; without a schema everything fits. Returns the input as the schema
 * does; a promise only when the schema is asynchronous.
 *
 * @throws InvalidInputError that names the first problems, and has all
 */
export function validInput(definition: TaskDefinition, input: unknown): unknown {
  return validated(definition.input, input, (issues) => {
    const problems = `its input does not fit: ${firstOf(issues)}`;
    return new InvalidInputError(`Cannot run task "${definition.name}": ${problems}`, issues);
  });
}

/**
 * The same for what a handler returned.
 *
 * @throws InvalidResultError that names the first problems, and has all
 */
export function validResult(definition: TaskDefinition, result: unknown): unknown {
  return validated(definition.output, result, (issues) => {
    const problems = `its result does not fit: ${firstOf(issues)}`;
    return new InvalidResultError(`Cannot complete task "${definition.name}": ${problems}`, issues);
  });
}

function validated(
  schema: StandardSchemaV1 | undefined,
  value: unknown,
  refusal: (issues: readonly SchemaIssue[]) => Error,
): unknown {
  if (!schema) return value;
  const accepted = (result: SchemaResult<unknown>): unknown => {
    if (result.issues) throw refusal(result.issues);
    // a program that imports mod.ts may check it without `strict`, which narrows nothing here
    return (result as { readonly value: unknown }).value;
  };
  const result = schema["~standard"].validate(value);
  return isInstance(result, Promise) ? result.then(accepted) : accepted(result);
}

function firstOf(issues: readonly SchemaIssue[]): string {
  return issues.slice(0, 3).map(describe).join("; ");
}

function describe({ message, path }: SchemaIssue): string {
  if (!path || path.length === 0) return message;
  const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
  return `${keys.join(".")}: ${message}`;
}
