/**
 * What a task is called and what its input looks like, and whether an input does; shared by those who submit
 * tasks and those who run them.
 */
import { InvalidInputError } from "../base/errors.ts";
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

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A kind of task. `O` is what its handler returns; only the types know it. */
export interface TaskDefinition<I = unknown, O = unknown> {
  readonly name: string;
  /** Checked at submit and again before the handler runs. */
  readonly input?: StandardSchemaV1<unknown, I>;
  /** Never there: carries the type of the result. */
  readonly "~result"?: O;
}

/**
 * Names a kind of task.
 *
 * @throws TypeError when the name is no text of 1 to 256 bytes, or the schema no Standard Schema
 */
export function defineTask<I = unknown, O = unknown>(
  definition: { readonly name: string; readonly input?: StandardSchemaV1<unknown, I> | undefined },
): TaskDefinition<I, O> {
  const { name, input } = definition;
  checkName(name);
  if (input === undefined) return { name };
  if (typeof input?.["~standard"]?.validate !== "function") {
    throw new TypeError(`Cannot define task "${name}": input must be a Standard Schema, got ${typeof input}`);
  }
  return { name, input };
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
 * @throws InvalidInputError that names the first problems
 */
export function validInput<I>(definition: TaskDefinition<I>, input: unknown): I | Promise<I> {
  const schema = definition.input;
  if (!schema) return input as I;
  const result = schema["~standard"].validate(input);
  return result instanceof Promise
    ? result.then((each) => accepted(definition, each))
    : accepted(definition, result);
}

function accepted<I>(definition: TaskDefinition<I>, result: SchemaResult<I>): I {
  if (!result.issues) return result.value;
  const issues = result.issues.slice(0, 3).map(describe).join("; ");
  throw new InvalidInputError(`Cannot run task "${definition.name}": its input does not fit: ${issues}`);
}

function describe({ message, path }: SchemaIssue): string {
  if (!path || path.length === 0) return message;
  const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
  return `${keys.join(".")}: ${message}`;
}
