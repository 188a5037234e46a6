//! Reports for those who audit, made from a record by the command; and what falls due.

use serde_json::Value;

use crate::support::run::World;

#[test]
fn what_falls_due_is_told_by_the_policy_alone() {
    let world = World::new();
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/acme/policy.yml");
    let due = |more: &[&str]| {
        let said = world.run(&[&["due", "--policy", policy, "--now", "2026-12-08T11:00:00Z"], more].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    assert_eq!(
        due(&[]),
        "population of 2026-Q3, due since Thu 1 Oct 2026 00:00 Europe/London: auditor (the members of group:internal-audit)\n\
         exceptions of 2026-Q3, due since Thu 1 Oct 2026 00:00 Europe/London: auditor (the members of group:internal-audit)\n\
         emergencies of 2026-Q3, due since Thu 1 Oct 2026 00:00 Europe/London: auditor (the members of group:internal-audit)\n\
         access_review of 2026-Q3, due since Thu 1 Oct 2026 00:00 Europe/London: auditor (the members of group:internal-audit)\n\
         survey of 2026-Q3, due since Thu 1 Oct 2026 00:00 Europe/London: whoever approved something in it\n\
         the next of it falls due Fri 1 Jan 2027 00:00 Europe/London\n"
    );
    let document: Value = serde_json::from_str(&due(&["--format", "json"])).unwrap();
    assert_eq!(document["due"][0]["period"]["until"], "2026-09-30T23:00:00Z");
    assert_eq!(document["due"][0]["to"][0]["groups"][0], "group:internal-audit");
    assert_eq!(document["next"], "2027-01-01T00:00:00Z");
    world.write(
        "bare.yml",
        "version: 1\nenvironments: {p: {approval: automatic}}\ngates: {g: {junit: a.xml, require: 'true'}}\n",
    );
    let said = world.run(&["due", "--policy", "bare.yml"]);
    assert_eq!(said.out, "nothing ever falls due: the policy has neither `reports` nor `survey`\n", "{}", said.err);
    assert_eq!(world.run(&["due", "--policy", policy, "--now", "noon"]).code, 2);
}

#[cfg(feature = "app")]
mod of_a_record {
    use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
    use countersign::model::period::{Every, Period};
    use serde_json::{Value, json};

    use crate::cli::log::{fed, good};
    use crate::support::run::World;

    const DATABASE: &str = "sqlite:record.db";
    const COMMIT: &str = "3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a";
    const POLICY: &str = "\
version: 1
calendar: { timezone: Europe/London }
environments: { production: { approval: formal } }
people: { ben: { github: ben-b } }
roles:
  owner: { members: [user:ben, \"github:@acme/owners\"] }
  auditor: { members: [\"group:audit\"], may: [read] }
components: { payments: { paths: [payments/**], team: money } }
gates:
  tests: { junit: \"reports/*.xml\", require: \"tests.failed == 0\" }
  steps: { checklist: [\"the runbook is read\", \"the way back is known\"], verified_by: owner }
waivers: { by: owner, max: 30d, needs: [reason] }
routes: { normal: { approvals: { owner: 1 }, then: { audit: { by: owner, within: 1h } } } }
";

    fn instant(at: DateTime<Utc>) -> String {
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// A release that ben approved, and ana, who started it; the checklist is ticked where `ticked` says so.
    fn facts(now: DateTime<Utc>, ticked: bool) -> Value {
        let at = |minutes: i64| instant(now - TimeDelta::minutes(minutes));
        let release = json!({
            "name": "payments 2.4.0", "forge": "github", "repository": "acme/payments", "environment": "production",
            "commit": COMMIT, "submitted_at": at(60), "asked_since": null, "changes": [], "trigger": "github:ana",
            "reference": { "name": "refs/heads/main", "reaches": true, "resolves_to": COMMIT },
            "components": { "payments": { "content": "c1", "artifacts": [] } },
        });
        let act = |id: &str, by: &str, does: Value| {
            json!({
                "id": id, "at": at(30), "by": by, "via": "environment", "does": does, "standing": "stands", "impersonated_by": null,
                "saw": { "environment": "production", "components": { "payments": "c1" }, "repository": "acme/payments" },
            })
        };
        let mut acts = vec![
            act("review-1", "github:ben-b", json!({ "approve": {} })),
            act("review-2", "github:ana", json!({ "approve": {} })),
        ];
        if ticked {
            for (id, item) in [("tick-1", "the runbook is read"), ("tick-2", "the way back is known")] {
                acts.push(act(id, "github:ben-b", json!({ "tick": { "gate": "steps", "item": item } })));
            }
        }
        let account = json!({ "kind": "person", "active": true, "person": null });
        json!({
            "version": 1, "release": release, "incidents": [], "obligations": [], "deployments": [], "acts": acts,
            "accounts": { "github:ben-b": account, "github:ana": account, "github:cy": account },
            "groups": { "github:@acme/owners": [{ "account": "github:ana" }, { "account": "github:cy" }] },
            "evidence": { "tests": { "digests": ["b".repeat(64)], "measures": { "tests.failed": 0 } } },
            "change_record": { "id": "=CHG-7,\"x\"", "state": "Implement" },
        })
    }

    struct Record {
        world: World,
        /// The quarter of today.
        period: Period,
        /// The entry of the decision that let the release go.
        decision: u64,
        now: DateTime<Utc>,
    }

    impl Record {
        fn append(&self, kind: &str, body: &Value) {
            let arguments = ["log", "append", "--database", DATABASE, "--log-key", "log.key", "--kind", kind];
            let said = fed(&self.world, &arguments, &body.to_string());
            assert_eq!(said.code, 0, "{}", said.err);
        }

        fn report(&self, kind: &str, more: &[&str]) -> String {
            let arguments =
                ["report", kind, "--period", &self.period.label, "--database", DATABASE, "--log-key", "log.pub"];
            good(&self.world, &[&arguments[..], more].concat())
        }

        fn json(&self, kind: &str) -> Value {
            serde_json::from_str(&self.report(kind, &["--format", "json"])).unwrap()
        }
    }

    /// A record of one release that was held, and let go once its checklist was ticked; of its deployment, and of another
    /// that nothing let in.
    fn record() -> Record {
        let now = Utc::now();
        let world = World::with_policy(POLICY);
        let said = world.run(&["log", "key", "new", "--name", "log.example/releases", "--output", "log.key"]);
        world.write("log.pub", said.out);
        for (ticked, code) in [(false, 10), (true, 0)] {
            world.write("facts.json", facts(now, ticked).to_string());
            let decide = [
                "decide",
                "--facts",
                "facts.json",
                "--database",
                DATABASE,
                "--log-key",
                "log.key",
                "--now",
                &instant(now),
            ];
            let said = world.run(&decide);
            assert_eq!(said.code, code, "{}{}", said.out, said.err);
        }
        let shown = world.run(&["log", "show", "--database", DATABASE, "--limit", "100"]).out;
        let last = shown.lines().rfind(|line| line.split("  ").nth(2) == Some("decision"));
        let decision = last.unwrap().split("  ").next().unwrap().parse().unwrap();
        let period = Period::around(Every::Quarter, now, chrono_tz::UTC).unwrap();
        let record = Record { world, period, decision, now };
        let micros = |seconds: i64| (now + TimeDelta::seconds(seconds)).timestamp_micros();
        let deployed = |id: &str, began: i64| {
            json!({ "forge": "github", "repository": "acme/payments", "environment": "production", "deployment": id,
                "commit": COMMIT, "run": 900, "state": "began", "began": began, "ended": null, "decision": null,
                "let_in": null })
        };
        let mut first = deployed("D1", micros(10));
        first["decision"] = json!(decision);
        record.append("deployment", &first);
        first["state"] = json!("succeeded");
        first["ended"] = json!(micros(70));
        record.append("deployment", &first);
        let mut past = deployed("D2", micros(20));
        past["finding"] = json!("without_decision");
        record.append("deployment", &past);
        record.append("deployment", &deployed("D0", period_before(&record.period).timestamp_micros()));
        record
    }

    fn period_before(period: &Period) -> DateTime<Utc> {
        period.from - TimeDelta::hours(1)
    }

    #[test]
    fn a5_the_population_has_every_deployment_with_its_lineage_and_reconciles() {
        let record = record();
        let report = record.json("population");
        let rows = report["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 2, "{report:#}");
        let first = &rows[0];
        for (column, expected) in [
            ("reconciled", json!("decided")),
            ("deployment", json!("D1")),
            ("release", json!("payments 2.4.0")),
            ("environment", json!("production")),
            ("outcome", json!("succeeded")),
            ("deployed_by", json!("github run 900")),
            ("class", json!("normal")),
            ("components", json!("payments")),
            ("teams", json!("money")),
            ("trigger", json!("github:ana")),
            ("change_record", json!("=CHG-7,\"x\"")),
            ("change_record_state", json!("Implement")),
            ("decision", json!("proceed")),
            ("decision_entry", json!(record.decision)),
            ("finding", Value::Null),
        ] {
            assert_eq!(first[column], expected, "{column}: {first:#}");
        }
        let approvals = first["approvals"].as_array().unwrap();
        assert_eq!(approvals.len(), 1, "{first:#}");
        assert_eq!((&approvals[0]["who"], &approvals[0]["role"]), (&json!("ben"), &json!("owner")));
        assert_eq!(approvals[0]["at"], instant(record.now - TimeDelta::minutes(30)));
        assert_eq!(rows[1]["reconciled"], "without_decision");
        assert_eq!((&rows[1]["decision"], &rows[1]["approvals"]), (&Value::Null, &Value::Null));
        let cover = &report["cover"];
        assert_eq!((&cover["rows"], &cover["key_was_brought"]), (&json!(2), &json!(true)));
        let sums: Vec<i64> =
            cover["sums"].as_array().unwrap().iter().map(|it| it["number"].as_i64().unwrap()).collect();
        assert_eq!(sums, [2, 1, 0, 1, 0, 0]);
        // Again, it is the same to the byte; the cover names the table.
        assert_eq!(record.json("population"), report);
        let csv = record.report("population", &["--format", "csv"]);
        assert_eq!(cover["csv_sha256"], countersign::log::receipt::sha256(csv.as_bytes()));
        // T57: what somebody wrote into a field is no formula.
        assert!(csv.contains(",\"'=CHG-7,\"\"x\"\"\","), "{csv}");
        assert!(csv.lines().all(|line| !line.split(',').any(|cell| cell.starts_with('='))), "{csv}");
        let text = record.report("population", &[]);
        assert!(text.contains("approvals: accounts github:ben-b, acts review-1, asked owner, at "), "{text}");
    }

    #[test]
    fn what_was_let_go_and_never_deployed_is_a_row_of_its_own() {
        let record = record();
        let mut facts = facts(record.now, true);
        facts["release"]["name"] = json!("payments 2.5.0");
        record.world.write("facts.json", facts.to_string());
        let now = instant(record.now);
        good(
            &record.world,
            &["decide", "--facts", "facts.json", "--database", DATABASE, "--log-key", "log.key", "--now", &now],
        );
        let report = record.json("population");
        let last = report["rows"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["reconciled"], "let go, not deployed");
        assert_eq!((&last["release"], &last["deployment"]), (&json!("payments 2.5.0"), &Value::Null));
        let other = ["--repository", "acme/other", "--format", "csv"];
        assert_eq!(record.report("population", &other).lines().count(), 1);
    }

    #[test]
    fn a5_exceptions_name_what_was_refused_what_went_past_and_what_is_overdue() {
        let record = record();
        let mut opened = json!({ "repository": "acme/payments", "release": "payments 2.3.0", "environment": "production",
            "obligation": "audit-1", "state": "opened", "kind": "audit", "by": "owner",
            "due": (record.now - TimeDelta::minutes(5)).timestamp_micros(), "needs_evidence": false });
        record.append("obligation", &opened);
        opened["obligation"] = json!("audit-2");
        opened["due"] = json!((record.now + TimeDelta::hours(5)).timestamp_micros());
        record.append("obligation", &opened);
        record.append("obligation", &json!({ "repository": "acme/payments", "obligation": "audit-2", "state": "met" }));
        let report = record.json("exceptions");
        let rows = report["rows"].as_array().unwrap();
        let of = |exception: &str| rows.iter().filter(|row| row["exception"] == exception).collect::<Vec<_>>();
        let [refused] = of("self_approval_refused")[..] else { panic!("{report:#}") };
        assert!(refused["what"].as_str().unwrap().contains("ana: started the deployment"), "{refused:#}");
        let [past] = of("deployed_without_decision")[..] else { panic!("{report:#}") };
        assert!(past["what"].as_str().unwrap().contains("without_decision"), "{past:#}");
        let overdue = of("overdue");
        assert_eq!(overdue.len(), 1, "{report:#}");
        assert_eq!(overdue[0]["release"], "payments 2.3.0");
        assert_eq!(overdue[0]["state"], "not met by the end of the record");
        // Another key's word is not taken.
        record.append("waiver", &json!({ "act": "waive-1", "by": "github:ben-b", "repository": "acme/payments" }));
        let told = record.json("exceptions");
        let rows = told["rows"].as_array().unwrap();
        let waiver = rows.iter().find(|row| row["exception"] == "waiver_granted").unwrap();
        assert!(waiver["what"]["unknown"].as_str().unwrap().contains("names no document"), "{waiver:#}");
    }

    #[test]
    fn e6_emergencies_are_counted_by_team_with_their_share_and_clocks() {
        let record = record();
        let none = record.json("emergencies");
        assert_eq!(none["rows"], json!([]));
        assert_eq!(none["cover"]["sums"][1]["what"], "emergencies of money, of 1 deployments");
        // The one without a decision is taken up by the same decision, as an emergency.
        record.append(
            "deployment",
            &json!({ "forge": "github", "repository": "acme/payments", "environment": "production", "deployment": "D2",
                "commit": COMMIT, "run": 900, "state": "imported", "decided": record.decision }),
        );
        let due = (record.now - TimeDelta::minutes(5)).timestamp_micros();
        for kind in ["validate", "cab_review"] {
            record.append(
                "obligation",
                &json!({ "repository": "acme/payments", "release": "payments 2.4.0", "environment": "production",
                    "obligation": kind, "state": "opened", "kind": kind, "by": "owner", "due": due }),
            );
        }
        record.append("obligation", &json!({ "obligation": "validate", "state": "met" }));
        let report = record.json("emergencies");
        let [row] = &report["rows"].as_array().unwrap()[..] else { panic!("{report:#}") };
        assert_eq!((&row["team"], &row["team_emergencies"]), (&json!("money"), &json!(1)));
        assert_eq!((&row["team_deployments"], &row["team_share_percent"]), (&json!(2), &json!(50)));
        assert!(row["validation"].as_str().unwrap().starts_with("met late, "), "{row:#}");
        assert_eq!(row["board_review"], "not met by the end of the record");
        assert_eq!(record.json("population")["rows"][1]["reconciled"], "without_decision, taken up afterwards");
    }

    #[test]
    fn a5_the_access_review_says_who_holds_what_and_what_is_not_known() {
        let record = record();
        let report = record.json("access_review");
        let rows = report["rows"].as_array().unwrap();
        let told: Vec<(String, String, String, String)> = rows
            .iter()
            .map(|row| {
                let say = |column: &str| row[column].as_str().map_or_else(|| row[column].to_string(), str::to_owned);
                (say("role"), say("person"), say("may"), say("acts_in_period"))
            })
            .collect();
        let row = |role: &str, person: &str, may: &str, acts: &str| {
            (role.to_owned(), person.to_owned(), may.to_owned(), acts.to_owned())
        };
        assert_eq!(
            told,
            [
                row("owner", "ben", "read, approve", "3"),
                row("owner", "ana", "read, approve", "1"),
                row("owner", "cy", "read, approve", "0"),
                row("auditor", "{\"unknown\":\"the group was not read for that decision\"}", "read", "null"),
            ],
            "{report:#}"
        );
        assert_eq!(rows[0]["last_acted_at"], instant(record.now - TimeDelta::minutes(30)));
        assert_eq!((&rows[2]["last_acted_at"], &rows[2]["active"]), (&Value::Null, &json!("yes")));
    }

    #[test]
    fn m4_the_survey_counts_what_held_and_what_was_answered() {
        let record = record();
        let answers = json!([
            { "item": "steps / the runbook is read", "answer": "redundant", "says": "=nobody reads it" },
            { "item": "tests", "answer": "useful" },
        ]);
        record.append(
            "answer",
            &json!({ "repository": "acme/payments", "period": record.period.label, "by": "github:ben-b", "answers": answers }),
        );
        let report = record.json("survey");
        let rows: Vec<(&str, i64, i64)> = report["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let number = |column: &str| row[column].as_i64().unwrap();
                (row["item"].as_str().unwrap(), number("releases_held"), number("redundant"))
            })
            .collect();
        assert_eq!(
            rows,
            [("tests", 0, 0), ("steps / the runbook is read", 1, 1), ("steps / the way back is known", 1, 0)],
            "{report:#}"
        );
        assert_eq!(report["rows"][1]["words"][0]["says"], "=nobody reads it");
    }

    #[test]
    fn an_exported_log_says_what_it_lacks_and_a_changed_one_gives_no_report() {
        let record = record();
        let world = &record.world;
        good(world, &["log", "export", "--database", DATABASE, "--log-key", "log.pub", "out"]);
        let arguments =
            ["report", "population", "--period", &record.period.label, "--folder", "out", "--log-key", "log.pub"];
        let said = good(world, &[&arguments[..], &["--format", "json"]].concat());
        let report: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(report["rows"][0]["decision"], "proceed");
        assert_eq!(report["rows"][0]["approvals"], json!({ "unknown": "an exported log has no documents" }));
        let notes = report["cover"]["notes"].to_string();
        assert!(notes.contains("an exported log has entries and no documents"), "{notes}");
        let size = report["cover"]["entries"].as_u64().unwrap();
        let bundle = world.path().join(format!("out/tile/entries/000.p/{size}"));
        let text = std::fs::read(&bundle).unwrap();
        let at = text.windows(4).position(|it| it == b"D1\",").unwrap();
        let mut changed = text.clone();
        changed[at + 1] = b'9';
        std::fs::write(&bundle, changed).unwrap();
        assert_eq!(world.run(&arguments).code, 12);
        // A reading is in the log before anything is shown.
        let reading = ["--reader", "sam", "--purpose", "audit 7"];
        let at = ["report", "exceptions", "--period", "2026-Q4", "--database", DATABASE, "--log-key", "log.key"];
        good(world, &[&at[..], &reading].concat());
        let shown = good(world, &["log", "show", "--database", DATABASE, "--limit", "1"]);
        assert!(shown.contains("  reading  ") && shown.contains("\"report\":\"exceptions\""), "{shown}");
        for (period, zone) in [("2026-Q5", "UTC"), ("2026-Q4", "Mars/Here")] {
            let said =
                world.run(&["report", "population", "--period", period, "--timezone", zone, "--database", DATABASE]);
            assert_eq!(said.code, 2, "{}", said.out);
        }
    }
}
