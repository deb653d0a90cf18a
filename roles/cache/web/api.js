// Asking the server: addresses from parameters, answers as JSON, errors with the reason that the server gave.

/** "/events?bbox=1,2,3,4": what is undefined, null or empty is left out; lists are joined with commas. */
export const addressOf = (path, parameters = {}) => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    const text = Array.isArray(value) ? value.join(",") : String(value ?? "");
    if (text !== "") search.set(name, text);
  }
  const query = search.toString().replaceAll("%2C", ",");
  return query ? `${path}?${query}` : path;
};

/** The answer's JSON; throws an Error that says why not. What was kept before is asked about again, never just used. */
export const getJson = async (path, parameters, signal) => {
  const answer = await fetch(addressOf(path, parameters), { cache: "no-cache", signal });
  if (answer.ok) return answer.json();
  let reason = `${answer.status} ${answer.statusText}`.trim();
  try {
    const { title, detail } = await answer.json();
    reason = detail || title || reason;
  } catch {
    // A proxy's page instead of a problem: the status says enough.
  }
  throw Object.assign(new Error(reason), { status: answer.status });
};

export const wasCancelled = (error) => error?.name === "AbortError";
