import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  compileTemplate,
  requireValues,
  secretsIn,
  TemplateError,
  type TemplateUse,
} from '../../../routing/bidders/template.ts'

function fill(template: string, use: TemplateUse, vertical: string): string {
  return compileTemplate(template, use)({ values: { vertical }, tags: { vertical }, secrets: { key: 's3' } })
}

describe('a bidder’s template', () => {
  it('is filled in by name, with tags and secrets', () => {
    assert.equal(fill('{{vertical}}/{{ tag:vertical }}/{{tag:none}}/{{secret:key}}', 'text', 'a'), 'a/a//s3')
    assert.deepEqual(secretsIn('{{secret:a}} {{zip}} {{secret:b-c}}'), ['a', 'b-c'])
  })

  it('escapes each value for its place', () => {
    const nasty = 'a"b\\c&d<e>\r\n{{zip}}é'
    assert.equal(
      fill('https://x/?v={{vertical}}', 'url', nasty),
      'https://x/?v=a%22b%5Cc%26d%3Ce%3E%0D%0A%7B%7Bzip%7D%7D%C3%A9',
    )
    assert.equal(fill('v={{vertical}}', 'header', nasty), 'v=a"b\\c&d<e>{{zip}}')
    assert.equal(fill('<v>{{vertical}}</v>', 'xml', 'a"b&d<e>\u0000'), '<v>a&quot;b&amp;d&lt;e&gt;</v>')
  })

  it('leaves JSON what it was, whatever is put in, within a string and outside one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.float().map(String)), (value) => {
        const text = fill('{"a": "\\"{{vertical}}", "b": {{vertical}}, "c": {"d": ["{{vertical}}!"]}}', 'json', value)
        const { a, b, c } = JSON.parse(text) as { a: string; b: unknown; c: { d: string[] } }
        assert.equal(a, `"${value}`)
        assert.equal(typeof b === 'number' ? b : String(b), typeof b === 'number' ? Number(value) : value)
        assert.equal(c.d[0], `${value}!`)
      }),
      { numRuns: 1000 },
    )
  })

  it('puts no step into the path of a URL, whatever is put in: such a value is left out', () => {
    const path = (template: string, vertical: string): string =>
      new URL(fill(`https://x.example${template}`, 'url', vertical)).href.slice('https://x.example'.length)
    assert.equal(path('/v1/{{vertical}}/bid', '..'), '/v1//bid')
    assert.equal(path('/v1/{{vertical}}/bid', '.'), '/v1//bid')
    assert.equal(path('/v1/{{vertical}}', '..'), '/v1/')
    assert.equal(path('/v1/{{vertical}}{{vertical}}/bid', '.'), '/v1//bid')
    assert.equal(path('/v1/{{vertical}}%2e/bid', '.'), '/v1/bid')
    assert.equal(path('/v1\\{{vertical}}\\bid', '..'), '/v1//bid')
    assert.equal(path('/v1/{{vertical}}?a={{vertical}}', '..'), '/v1/?a=..')
    assert.equal(path('/v1/a{{vertical}}/bid', '..'), '/v1/a../bid')
    assert.equal(path('/v1/{{vertical}}/bid', '...'), '/v1/.../bid')
  })

  it('has the values of its moment', () => {
    for (const [moment, right, wrong] of [
      ['ping', '{{zip}}{{max_bid}}{{tag:price}}', '{{price}}'],
      ['post', '{{price}}{{call_id}}', '{{reason}}'],
      ['notice', '{{price}}{{ reason_code }}', '{{call_id}}'],
    ] as const) {
      requireValues(right, moment)
      assert.throws(() => requireValues(wrong, moment), TemplateError, wrong)
    }
  })

  it('that asks for what there is not is none', () => {
    for (const wrong of [
      '{{zipp}}',
      '{{',
      '{{zip',
      '{{tag:}}',
      '{{secret:a b}}',
      '{{}}',
      '{{__proto__}}',
      '{{tag:__proto__x y}}',
    ])
      assert.throws(() => compileTemplate(wrong, 'text'), TemplateError, wrong)
    assert.equal(
      compileTemplate('{{tag:__proto__}}{{tag:constructor}}', 'text')({ values: {}, tags: {}, secrets: {} }),
      '',
    )
  })
})
