// Checks HTML for html_checker.py: a line of JSON in ({"html": ...}), a line of JSON out (what is wrong).
import { createInterface } from 'node:readline';
import { HtmlValidate } from 'html-validate';

const checker = new HtmlValidate({
  root: true,
  extends: ['html-validate:recommended', 'html-validate:a11y'],
  rules: { 'doctype-style': ['error', { style: 'uppercase' }] },
});
for await (const line of createInterface({ input: process.stdin })) {
  const report = await checker.validateString(JSON.parse(line).html);
  const found = report.results.flatMap((result) => result.messages);
  console.log(JSON.stringify(found.map((m) => `${m.ruleId} in line ${m.line}: ${m.message}`)));
}
