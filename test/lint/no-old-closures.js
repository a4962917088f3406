/**
 * V8 makes a function that is assigned to a property old at once: its parser takes it for a method that stays (`set_pretenure`). An
 * accessor of an object literal is young, but the literal's shape, which is old, has it. Until the old generation is collected, seconds later,
 * whatever such a function has captured counts as alive, however long the call it belonged to is over: all of a call grew old
 * by one such line. A function with a name of its own first, `const onEnd = () => …; leg.onEnd = onEnd`, is young like any other.
 * What happens once, at a start, may do either. Defaults in a destructuring assignment are not looked at.
 */
const FUNCTIONS = new Set(['ArrowFunctionExpression', 'FunctionExpression'])
/** What is written around a value, of which V8 sees nothing. */
const WRAPPERS = new Set([
  'ParenthesizedExpression',
  'TSAsExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
])
const MESSAGE =
  'a function assigned to a property is made old at once, with all it captures: give it a name first (test/lint/no-old-closures.js)'

function isInFunction(node) {
  for (let at = node.parent; at; at = at.parent)
    if (FUNCTIONS.has(at.type) || at.type === 'FunctionDeclaration' || at.type === 'PropertyDefinition') return true
  return false
}

const rule = {
  create(context) {
    const report = (node) => {
      if (isInFunction(node)) context.report({ node, message: MESSAGE })
    }
    return {
      AssignmentExpression(node) {
        let value = node.right
        while (WRAPPERS.has(value.type)) value = value.expression
        if (node.left.type === 'MemberExpression' && FUNCTIONS.has(value.type)) report(node)
      },
      Property(node) {
        if (node.kind !== 'init') report(node)
      },
    }
  },
}

// oxlint-disable-next-line import/no-default-export -- as oxlint wants it.
export default { meta: { name: 'dce' }, rules: { 'no-old-closures': rule } }
