// What went wrong, in words of whoever sits before the page. Each says what can be done about it.

const MICROPHONE = {
  NotAllowedError:
    'The browser may not use the microphone. Allow it (the camera or lock symbol beside the address), then try again.',
  NotFoundError: 'No microphone was found. Plug one in, or switch it on, then try again.',
  NotReadableError:
    'The microphone is in use by another program, or does not answer. Close that program, then try again.',
  OverconstrainedError: 'The microphone that was chosen is gone. Choose another one.',
}

/** Why the microphone could not be had: an error of getUserMedia, or that there is none to ask. */
export function microphoneProblem(error) {
  if (error === 'insecure')
    return 'The browser gives no microphone to pages that are not secure. Open this page by https://, or at localhost.'
  return (
    MICROPHONE[error?.name] ?? `The microphone cannot be used: ${error?.message || 'the browser does not say why'}.`
  )
}

const REGISTRATION = {
  400: 'The server did not understand the SIP name.',
  401: 'The SIP name or its password is wrong.',
  403: 'This SIP user may not register here: the SIP name or its password is wrong, or the user is suspended.',
  404: 'There is no SIP user of this name.',
  429: 'Too many attempts. Wait a minute, then try again.',
  503: 'The exchange is busy or about to restart. It is tried again.',
}

/** Why registering failed. `status`: the SIP answer's; undefined when there was none, and then `cause` is JsSIP's. */
export function registrationProblem(status, cause) {
  if (status !== undefined) return REGISTRATION[status] ?? `The server refused to register this phone (SIP ${status}).`
  if (cause === 'Request Timeout') return 'The server does not answer. It is tried again.'
  return 'The server cannot be reached. It is tried again.'
}

const CALL = {
  401: 'The SIP name or its password is wrong.',
  403: 'The call is not allowed.',
  404: 'There is no such number.',
  408: 'Nobody answered in time.',
  410: 'The number is no longer in use.',
  480: 'Nobody can take the call now. Try again later.',
  484: 'The number is incomplete.',
  486: 'The line is busy.',
  487: 'The call was cancelled.',
  500: 'Something went wrong at the exchange.',
  503: 'The exchange is too busy, or about to restart. Try again in a moment.',
  600: 'The line is busy.',
  603: 'The call was declined.',
}

/** The text of a Warning header (RFC 3261 §20.43), `399 host "text"`. */
export function warningText(header) {
  return /^\d{3} \S+ "(.*)"$/.exec(header ?? '')?.[1]?.replaceAll(/\\(.)/g, '$1') ?? null
}

/**
 * Why a call did not come about, or ended otherwise than by hanging up. `answer`: `{ status, phrase, warning }` of the final SIP answer;
 * null when there was none, and then `cause` is JsSIP's.
 */
export function callProblem(answer, cause) {
  if (answer) {
    const { status, phrase, warning } = answer
    const said = warningText(warning)
    if (status === 488 || status === 606)
      return `The exchange cannot carry this browser’s audio${said ? `: ${said}` : ' yet'}.`
    if (status === 403 && phrase?.startsWith('The token ')) return `${phrase}. Reload the page for a new one.`
    return CALL[status] ?? `The call failed (SIP ${status}${phrase ? ` ${phrase}` : ''}).`
  }
  return CAUSES[cause] ?? `The call failed: ${cause}.`
}

const CAUSES = {
  'User Denied Media Access': MICROPHONE.NotAllowedError,
  'Connection Error': 'The server cannot be reached.',
  'Request Timeout': 'The server does not answer.',
  'No Answer': 'Nobody answered.',
  'No ACK': 'The other side never confirmed the call.',
  'RTP Timeout': 'The connection was lost: no audio came any more.',
  'WebRTC Error': 'This browser could not set up the audio of the call.',
  'Bad Media Description': 'This browser cannot take the audio that the other side offers.',
  'Incompatible SDP': 'The two sides have no way of audio in common.',
  'Internal Error': 'This page made a mistake. Reload it.',
  Canceled: 'The call was cancelled.',
}
