// Who is signed in. The tokens live in this tab only; a refresh token works once, so one refresh runs at a time.

const KEPT = 'dce.session'
let session = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null')
let refreshing = null

export const signedIn = () => session !== null
export const role = () => session?.role ?? null
export const accountId = () => session?.accountId ?? null

function keep(answer) {
  const claims = JSON.parse(atob(answer.access_token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')))
  session = {
    access: answer.access_token,
    refresh: answer.refresh_token,
    until: Date.now() + answer.expires_in * 1000,
    role: claims.role,
    accountId: claims.account_id,
  }
  sessionStorage.setItem(KEPT, JSON.stringify(session))
}

async function post(path, body, bearer) {
  return fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) },
    body: JSON.stringify(body),
  })
}

/** Throws an Error whose message can be shown. */
export async function signIn(email, password) {
  const answer = await post('/api/v1/auth/login', { email, password })
  const body = await answer.json()
  if (!answer.ok) throw new Error(body.detail ?? 'Signing in failed.')
  keep(body)
}

/** In the demo the page lets itself in; true when it could. */
export async function signInForDemo() {
  const answer = await fetch('/demo/session')
  if (!answer.ok) return false
  keep(await answer.json())
  return true
}

export function forget() {
  session = null
  sessionStorage.removeItem(KEPT)
}

export async function signOut() {
  const bearer = session?.access
  forget()
  if (bearer) await post('/api/v1/auth/logout', {}, bearer).catch(() => undefined)
}

/** A token good for at least half a minute, or null when signing in again is needed. */
export async function token() {
  if (!session) return null
  if (session.until - Date.now() > 30_000) return session.access
  refreshing ??= refresh().finally(() => (refreshing = null))
  await refreshing
  return session?.access ?? null
}

async function refresh() {
  const answer = await post('/api/v1/auth/refresh', { refresh_token: session.refresh })
  if (answer.ok) keep(await answer.json())
  else if (answer.status === 401) forget()
}

/** GETs from the API; throws when it cannot, with `status` 401 when signing in again is needed, and the problem's `detail`. */
export async function get(path) {
  return (await ask(path)).json()
}

/** The same for what is no JSON. */
export async function getBlob(path) {
  return (await ask(path)).blob()
}

async function ask(path) {
  const bearer = await token()
  const answer = bearer ? await fetch(`/api/v1${path}`, { headers: { authorization: `Bearer ${bearer}` } }) : null
  if (answer?.ok) return answer
  if (!answer || answer.status === 401) forget()
  const problem = answer ? await answer.json().catch(() => ({})) : {}
  throw Object.assign(new Error(`GET ${path} failed`), { status: answer?.status ?? 401, detail: problem.detail })
}
