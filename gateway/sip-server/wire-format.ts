/** Messages and bytes: RFC 3261 §7, §18.3 and §25. */
export { isParseFailure, MAX_FIELD_BYTES, MAX_HEADER_FIELDS, parseAppMessage, parseMessage } from './parse-message.ts'
export { serialize } from './serialize-message.ts'
export { StreamFramer } from './stream-framer.ts'
