/** Checks an input against a definition. Without a schema everything fits. */
import { InvalidInputError } from "../coordinator/errors.ts";
import type { SchemaIssue, SchemaResult, TaskDefinition } from "./task-definition.ts";

/**
 * The input as the schema returns it; a promise only when the schema is asynchronous.
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
