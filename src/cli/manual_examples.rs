//! The sections of a policy that `decide` judges by, each by one example. Together they are a policy, which the tests
//! check and try with the roster.

pub(super) const EXAMPLES: &str = r#"
## By example

Together these are one policy. It begins with where releases go, what is released, and who is who:

```yaml
version: 1
environments:
  staging:    { approval: automatic, branches: [main] }
  production: { approval: formal, branches: [main], from: staging }
components:
  shop:    { paths: ["shop/**"], kind: application, tier: critical, exposure: customer, team: web }
  network: { paths: ["network/**"], kind: infrastructure, tier: important, exposure: internal, team: base }
people:
  bob: { github: bob-h, gitlab: bhall }
roles:
  shop-owner:    { members: ["user:bob", "github:@acme/shop-leads"] }
  network-owner: { members: ["github:@acme/network"] }
  operations:    { members: ["github:@acme/sre"] }
  cab:           { members: ["github:@acme/cab"] }
  chair:         { members: ["user:erin", "user:olga"] }
gates:
  tests: { junit: "tests/*.xml", require: "tests.failed == 0" }
```

`user:bob` is the `bob` of `people`, with every account that stands there. `people` has no `erin`, so `user:erin` is the account
`erin` of the forge that the release is on. Who holds the role `cab` is a member of the CAB: wherever it is asked, that role
and `calendar.cab` are needed.

The calendar. Times that name no zone are in its `timezone`, which is UTC when left out. `business_hours` say when people work,
which is what `4bh` and `5bd` count by; what stops releases is `closed`, and `freeze`. Holidays are those of a country by its
ISO code, or all-day events of an iCalendar file beside the policy. Meetings are an RFC 5545 rule, its two lines with `\n`
between them; or `file:meetings.ics`, or `feed:https://…`:

```yaml
calendar:
  timezone: Europe/London
  business_hours: "Mo-Fr 09:00-17:30"
  holidays: [GB, "file:company-days.ics"]
  closed:
    nights: { hours: "Mo-Su 22:00-06:00", environments: [production], stops: [deployment] }
  freeze:
    year-end: { from: 2026-12-18T17:00, to: 2027-01-04T09:00, except: [emergency, recovery] }
  peak:
    sales: { from: 2026-11-27, to: 2026-12-01, rigor: 1 }
  cab:
    meetings: "DTSTART:20260901T140000\nRRULE:FREQ=WEEKLY;BYDAY=TU"
    cutoff: 1bd
    chair: chair
    quorum: 2
```

What makes the impact high, which the routes below ask for:

```yaml
risk:
  weights: { tier.critical: 40, size.lines: "lines / 50" }
  impact: { high: 60, medium: 30 }
```

In `raci`, `on` is a component by its name, or a condition on `component.*`. Exactly one role is accountable for each component:

```yaml
raci:
  - { on: shop, accountable: shop-owner, informed: [operations] }
  - { on: component.kind == 'infrastructure', accountable: network-owner }
  - { when: release.impact == 'high', representation: [operations] }
```

A route without `when` is that of the class of its name. Under `approvals` stands how many people of which role approve;
`accountable` is the role that `raci` says of each component. `expire` is how long an approval lasts, and `counts_from` where it
may be given:

```yaml
routes:
  recovery: { when: release.is_rollback, to: last_good, hours: any, approvals: { operations: 1 } }
  normal:
    approvals: { accountable: 1, operations: 1, expire: 5bd, counts_from: [environment, command] }
    cab: { when: release.impact == 'high' }
    escalate: { undecided_after: 1bd, to: [chair], final: chair }
```

A roster says who is in the groups. `countersign policy check POLICY --roster FILE` looks whether there are enough different
people for every approval, with each person absent in turn. `groups` has a key for every group that a role names, and
`people` the accounts of one person where the policy does not say; both are lists of accounts with their forge:

```yaml
forge: github
groups:
  "github:@acme/shop-leads": [github:ana, github:bo]
  "github:@acme/network": [github:nils, github:nora, github:noam]
  "github:@acme/sre": [github:olu, github:omar]
  "github:@acme/cab": [github:carl, github:cleo, github:cora]
people:
  olga: [github:olga-k, gitlab:olga]
```
"#;
