/** The known word that a mistyped one most likely means: at most two edits away, or a third of a long word. */
export function nearestWord(typed: string, known: Iterable<string>): string | undefined {
  let best: { word: string; edits: number } | undefined;
  for (const word of known) {
    const edits = editDistance(typed.toLowerCase(), word.toLowerCase());
    if (
      edits <= Math.max(1, Math.min(word.length - 2, 2), Math.floor(word.length / 3)) &&
      edits < (best?.edits ?? Infinity)
    )
      best = { word, edits };
  }
  return best?.word;
}

/** Levenshtein's, in one row. */
function editDistance(a: string, b: string): number {
  const row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0] as number;
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j] as number;
      row[j] = Math.min(above + 1, (row[j - 1] as number) + 1, diagonal + (a[i - 1] === b[j - 1] ? 0 : 1));
      diagonal = above;
    }
  }
  return row[b.length] as number;
}
