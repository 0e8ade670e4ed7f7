/** What a page quotes of an example is what the example says, but for where it imports from. */
import { expect, test } from "bun:test";
import { listFiles, read } from "../../tidy/source.ts";

const QUOTE = /`(examples\/[\w./-]+\.ts)`[^`\n]*:\n\n```ts\n([^]*?)\n```/g;

/** As a user would write it. */
function published(path: string): string {
  const specifiers = { '"../../mod.ts"': '"stolos"', '"../../src/testing/kit.ts"': '"stolos/testing"' };
  return Object.entries(specifiers).reduce(
    (text, [ours, theirs]) => text.replaceAll(ours, theirs),
    read(path),
  );
}

test("pages quote the examples as they are", () => {
  const quotes = listFiles(["docs"], ".md").flatMap((page) => [...read(page).matchAll(QUOTE)]);
  expect(quotes.length).toBeGreaterThan(2);
  for (const [, path, quote] of quotes) expect(published(path!)).toContain(quote!);
});
