/** Returns a function with the same results as `decide`, which must depend on the text alone. It remembers up to `most` results. */
export function remembered<Result>(decide: (text: string) => Result, most = 1024): (text: string) => Result {
  const results = new Map<string, Result>();
  return (text) => {
    let result = results.get(text);
    if (result !== undefined) return result;
    result = decide(text);
    if (results.size >= most) results.clear();
    results.set(text, result);
    return result;
  };
}
