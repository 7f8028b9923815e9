/**
 * No module holds mutable state, so that many brokers live in one process; and no `any` outside the one file that may.
 * A table that is filled while its module loads is fine: only functions must not write to it.
 */
import { type Node, SyntaxKind } from 'typescript/unstable/ast'
import { descendants, type Finding, finding, type SourceUnit } from './tidy-source.ts'

const MAY_USE_ANY = ['packages/protocol/src/codec.ts']

/** Programs of their own, one run each. */
const MAY_HOLD_STATE = ['interop/', 'packages/bench/', 'scripts/']

const MUTATING_METHODS = new Set([
  ...['push', 'pop', 'shift', 'unshift', 'splice', 'sort', 'reverse', 'copyWithin', 'fill'],
  ...['set', 'add', 'delete', 'clear', 'getOrInsert', 'getOrInsertComputed'],
])

const ASSIGNMENT_FIRST = SyntaxKind.FirstAssignment
const ASSIGNMENT_LAST = SyntaxKind.LastAssignment

export function bindingFindings(units: readonly SourceUnit[]): Finding[] {
  const findings: Finding[] = []
  for (const unit of units) {
    if (!MAY_USE_ANY.includes(unit.path)) findings.push(...anyFindings(unit))
    const mayHoldState = unit.isTest || MAY_HOLD_STATE.some((folder) => unit.path.startsWith(folder))
    if (!mayHoldState) findings.push(...stateFindings(unit))
  }
  return findings
}

function anyFindings(unit: SourceUnit): Finding[] {
  const nodes = [...descendants(unit.source)].filter((node) => node.kind === SyntaxKind.AnyKeyword)
  return nodes.map((node) => finding(unit, node, 'any', 'any is for codec.ts alone'))
}

function stateFindings(unit: SourceUnit): Finding[] {
  const findings: Finding[] = []
  const constants = new Set<string>()
  for (const { declaration, isConst } of moduleVariables(unit)) {
    if (isConst) constants.add(declaration.name.getText())
    else findings.push(finding(unit, declaration, 'state', `${declaration.name.getText()} is a variable of the module`))
  }
  for (const node of descendants(unit.source)) {
    const target = writtenTarget(node)
    const root = target === null ? null : rootOf(target)
    if (root === null || !constants.has(root.getText()) || !isInsideFunction(node)) continue
    if (!isShadowed(root))
      findings.push(finding(unit, node, 'state', `${root.getText()} of the module is written by a function`))
  }
  return findings
}

interface Declaration extends Node {
  readonly name: Node
}

function* moduleVariables(unit: SourceUnit): Generator<{ declaration: Declaration; isConst: boolean }> {
  for (const statement of unit.source.statements) {
    if (statement.kind !== SyntaxKind.VariableStatement) continue
    const { declarationList } = statement as unknown as {
      declarationList: Node & { declarations: readonly Declaration[] }
    }
    const isConst = declarationList.getText().startsWith('const')
    for (const declaration of declarationList.declarations) yield { declaration, isConst }
  }
}

/** What the node writes to: `a.b` in `a.b = 1`, `a.b++`, `delete a.b` and `a.b.push(1)`; null where it writes nothing. */
function writtenTarget(node: Node): Node | null {
  const { left, operatorToken, operator, operand, expression } = node as Node &
    Record<string, Node & { kind: SyntaxKind }>
  switch (node.kind) {
    case SyntaxKind.BinaryExpression: {
      const { kind } = operatorToken!
      return kind >= ASSIGNMENT_FIRST && kind <= ASSIGNMENT_LAST ? left! : null
    }
    case SyntaxKind.PostfixUnaryExpression:
      return operand!
    case SyntaxKind.PrefixUnaryExpression: {
      const steps = [SyntaxKind.PlusPlusToken, SyntaxKind.MinusMinusToken]
      return steps.includes(operator as unknown as SyntaxKind) ? operand! : null
    }
    case SyntaxKind.DeleteExpression:
      return expression!
    case SyntaxKind.CallExpression:
      return mutatedByCall(expression!)
    default:
      return null
  }
}

function mutatedByCall(callee: Node): Node | null {
  if (callee.kind !== SyntaxKind.PropertyAccessExpression) return null
  const { expression, name } = callee as Node & { expression: Node; name: Node }
  return MUTATING_METHODS.has(name.getText()) ? expression : null
}

/** `a` of `a.b[c]!.d`; null where a call or something else stands at the beginning. */
function rootOf(target: Node): Node | null {
  const steps = [
    ...[SyntaxKind.PropertyAccessExpression, SyntaxKind.ElementAccessExpression, SyntaxKind.NonNullExpression],
    ...[SyntaxKind.ParenthesizedExpression, SyntaxKind.AsExpression],
  ]
  let node = target
  while (steps.includes(node.kind)) node = (node as Node & { expression: Node }).expression
  return node.kind === SyntaxKind.Identifier ? node : null
}

export function isFunction(node: Node): boolean {
  switch (node.kind) {
    case SyntaxKind.FunctionDeclaration:
    case SyntaxKind.FunctionExpression:
    case SyntaxKind.ArrowFunction:
    case SyntaxKind.MethodDeclaration:
    case SyntaxKind.Constructor:
    case SyntaxKind.GetAccessor:
    case SyntaxKind.SetAccessor:
      return (node as Node & { body?: Node }).body !== undefined
    default:
      return false
  }
}

function isInsideFunction(node: Node): boolean {
  return [...ancestors(node)].some(isFunction)
}

/** Whether a function around the name declares the same name, so that the module's is not meant. */
function isShadowed(name: Node): boolean {
  const declares = (node: Node) =>
    [SyntaxKind.Parameter, SyntaxKind.VariableDeclaration, SyntaxKind.BindingElement].includes(node.kind) &&
    (node as Declaration).name.getText() === name.getText()
  return [...ancestors(name)].filter(isFunction).some((owner) => [...descendants(owner)].some(declares))
}

function* ancestors(node: Node): Generator<Node> {
  for (let parent = node.parent; parent !== undefined; parent = parent.parent) yield parent
}
