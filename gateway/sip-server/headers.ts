/** Header values taken apart, built, and changed without re-serialising the rest. */
export { splitList } from './characters.ts'
export { getParam, quote, removeParam, setParam, unquote } from './header-params.ts'
export { buildNameAddr, parseNameAddr, uriOf, withUri } from './name-addr.ts'
export { BRANCH_MAGIC, buildVia, parseVia, viaFromSource } from './via.ts'
