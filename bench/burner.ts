/** Keeps a core busy until it is killed. */
process.on("disconnect", () => process.exit(1));

function burn(): void {
  const endMs = performance.now() + 100;
  while (performance.now() < endMs);
  // lets the end of its parent be noticed
  setImmediate(burn);
}
burn();
