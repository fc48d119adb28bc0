/**
 * Does something under a signal that is aborted with any of these, and with a TimeoutError when the time is up.
 * `AbortSignal.any` does not do that: on Node 20 a timeout that only it holds is collected as garbage, and never comes.
 * @param ms the limit, in milliseconds
 */
export async function limited<T>(
  ms: number,
  signals: readonly AbortSignal[],
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signals.find(({ aborted }) => aborted)?.reason);
  const timer = setTimeout(() => controller.abort(new DOMException("the time is up", "TimeoutError")), ms);
  for (const signal of signals) signal.addEventListener("abort", abort, { once: true });
  if (signals.some(({ aborted }) => aborted)) abort();
  try {
    return await act(controller.signal);
  } finally {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener("abort", abort);
  }
}
