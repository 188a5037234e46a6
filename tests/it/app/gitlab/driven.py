"""The fake GitLab, driven by python-gitlab: argv is its address, and what is tried."""

import sys

import gitlab

URL, WHAT, BASE, HEAD = sys.argv[1:5]


def of(token):
    return gitlab.Gitlab(URL, private_token=token, retry_transient_errors=False)


def person(login):
    return of(f"glpat-of-{login}")


def shop(client):
    return client.projects.get(77, lazy=True)


def refused(status, does, *given, **named):
    try:
        does(*given, **named)
    except gitlab.GitlabError as error:
        assert error.response_code == status, f"{status} was expected: {error}"
    else:
        raise AssertionError(f"{status} was expected, and it was done")


app = of("glpat-app-canary")


def read():
    refused(401, of("glpat-guessed").auth)
    app.auth()
    assert app.user.username == "countersign"
    found = app.projects.list(membership=True, min_access_level=30, get_all=True)
    assert [it.path_with_namespace for it in found] == ["acme/shop"]
    project = app.projects.get("acme/shop")
    assert (project.id, project.default_branch) == (77, "main")
    refused(404, app.projects.get, "acme/other")
    # Five, two a page.
    everybody = project.members_all.list(get_all=True)
    assert [it.username for it in everybody] == ["ana", "bo", "carla", "dana", "eve"]
    assert [it.username for it in project.members_all.list(iterator=True)] == [it.username for it in everybody]
    assert [it.username for it in project.members_all.list(page=2, get_all=False)] == ["carla", "dana"]
    assert [it.username for it in project.members_all.list(page=3, per_page=1, get_all=False)] == ["carla"]
    bo = app.users.list(username="bo", get_all=True)[0]
    assert app.users.get(bo.id).username == "bo" and project.members_all.get(bo.id).access_level == 30
    refused(404, app.users.get, 1)
    leads = app.groups.get("acme/shop-leads", lazy=True).members_all.list(get_all=True)
    assert [it.username for it in leads] == ["bo", "carla", "ana"]
    refused(404, app.groups.get("acme/nobody", lazy=True).members_all.list, get_all=True)

    assert [it.iid for it in project.mergerequests.list(state="merged", get_all=True)] == [12]
    request = project.mergerequests.get(12)
    assert request.author["username"] == "ana" and request.squash_commit_sha == HEAD
    assert [it.base_commit_sha for it in request.diffs.list(get_all=True)] == [BASE]
    assert project.commits.get(HEAD).merge_requests()[0]["iid"] == 12
    assert [it.id for it in project.commits.list(ref_name=f"{BASE}..{HEAD}", get_all=True)] == [HEAD]
    assert project.repository_merge_base([BASE, HEAD])["id"] == BASE
    listed = project.repository_tree(ref=HEAD, path="checkout", pagination="keyset", get_all=True)
    assert [it["name"] for it in listed] == ["basket.rs"]
    assert project.branches.get("main").commit["id"] == HEAD
    refused(404, project.branches.get, "other")
    policy = project.files.get(".countersign/policy.yml", ref="main").decode().decode()
    assert "gitlab:acme/shop-leads" in policy
    refused(404, project.files.get, "nothing", ref="main")
    pushes = project.events.list(action="pushed", get_all=True)
    assert [it.author["username"] for it in pushes] == ["bo", "ana", "carla"]
    assert project.pipelines.get(900).sha == HEAD and project.pipelines.get(900).variables.list(get_all=True) == []
    assert project.jobs.get(70).status == "running"
    assert [it.name for it in project.environments.list(get_all=True)] == ["production"]
    assert [it.name for it in project.protected_environments.list(get_all=True)] == ["production"]
    assert [it.name for it in project.protectedbranches.list(get_all=True)] == ["main"]
    assert [it.key for it in project.variables.list(get_all=True)] == ["DEPLOY_KEY"]
    assert [it.rule_type for it in project.approvalrules.list(get_all=True)] == ["any_approver"]
    assert project.approvals.get().reset_approvals_on_push
    # Status checks are on no plan below Ultimate.
    refused(404, project.external_status_checks.list, get_all=True)


def approved():
    by = {login: shop(person(login)).mergerequests.get(13, lazy=True) for login in ("ana", "bo", "carla")}
    refused(401, by["ana"].approve)
    by["bo"].approve()
    refused(401, by["bo"].approve)
    names = [it["user"]["username"] for it in by["carla"].approvals.get().approved_by]
    assert names == ["bo"], names

    request = shop(app).mergerequests.get(12)
    note = request.notes.create({"body": "it waits"})
    note.body = "it goes"
    note.save()
    assert [it.body for it in request.notes.list(get_all=True)] == ["it goes"]
    note.awardemojis.create({"name": "eyes"})
    refused(404, note.awardemojis.create, {"name": "eyes"})
    theirs = shop(person("bo")).mergerequests.get(12).notes.list(get_all=True)[0]
    theirs.body = "it was never said"
    refused(404, theirs.save)
    refused(404, shop(app).mergerequests.get(99, lazy=True).notes.create, {"body": "hm"})


def deployed():
    project = shop(app)
    waiting = project.deployments.list(environment="production", status="blocked", get_all=True)
    assert [it.id for it in waiting] == [7]
    deployment, job = waiting[0], project.jobs.get(70, lazy=True)
    assert project.deployments.get(7).pending_approval_count == 2
    refused(403, job.play)
    # She started it, and is in the group; she is in none; he is nobody of this name.
    refused(403, shop(person("ana")).deployments.get(7, lazy=True).approval, "approved")
    refused(400, shop(person("eve")).deployments.get(7, lazy=True).approval, "approved")
    refused(400, deployment.approval, "approved", represented_as="bo the account")
    deployment.approval("approved", comment="its decision", represented_as="countersign the account")
    refused(400, deployment.approval, "approved")
    assert project.deployments.get(7).pending_approval_count == 1
    refused(403, job.play)
    shop(person("bo")).deployments.get(7, lazy=True).approval("approved")
    now = project.deployments.get(7)
    assert now.status == "created" and now.pending_approval_count == 0
    assert [it["user"]["username"] for it in now.approvals] == ["countersign", "bo"]
    refused(400, shop(person("carla")).deployments.get(7, lazy=True).approval, "rejected")
    job.play()
    assert project.deployments.get(7).status == "success"
    # Whoever plays what has ended begins another deployment, and that waits again.
    job.play()
    assert [it.id for it in project.deployments.list(status="blocked", get_all=True)] == [8]
    refused(404, project.jobs.get(999, lazy=True).play)
    refused(404, project.deployments.get, 999)

    commit = project.commits.get(HEAD)
    says = {"state": "failed", "name": "countersign/production", "pipeline_id": 900, "description": "it waits"}
    commit.statuses.create(says)
    refused(404, commit.statuses.create, {**says, "pipeline_id": 901})
    refused(400, commit.statuses.create, {**says, "description": "x" * 256})


def issues():
    project = shop(app)
    issue = project.issues.create({"title": "a change", "description": "it goes", "labels": ["change", "P2"]})
    project.issues.create({"title": "another", "description": "it waits"})
    assert [it.iid for it in project.issues.list(labels=["change"], get_all=True)] == [issue.iid]
    issue.notes.create({"body": "seen"})
    issue.labels = ["change"]
    issue.save()
    issue.state_event = "close"
    issue.save()
    issue = project.issues.list(labels=["change"], get_all=True)[0]
    assert issue.state == "closed" and issue.labels == ["change"]
    events = [(it.action, it.label["name"]) for it in issue.resourcelabelevents.list(get_all=True)]
    assert events == [("add", "change"), ("add", "P2"), ("remove", "P2")], events
    assert [it.state for it in issue.resourcestateevents.list(get_all=True)] == ["closed"]
    assert [it.body for it in issue.notes.list(get_all=True)] == ["seen"]
    refused(404, project.issues.get(99, lazy=True).notes.create, {"body": "hm"})


def reporter():
    refused(403, shop(app).hooks.list, get_all=True)
    refused(403, shop(app).variables.list, get_all=True)
    refused(403, shop(app).pipelines.get(900).variables.list, get_all=True)


def maintainer():
    hook = shop(app).hooks.list(get_all=True)[0]
    assert hook.alert_status == "disabled"
    hook.test("push_events")
    assert shop(app).hooks.list(get_all=True)[0].alert_status == "executable"


def free():
    project = shop(app)
    refused(404, project.deployments.get(7, lazy=True).approval, "approved")
    refused(404, project.protected_environments.list, get_all=True)
    refused(404, project.approvalrules.list, get_all=True)


def ultimate():
    project = shop(app)
    assert [it.name for it in project.external_status_checks.list(get_all=True)] == ["Countersign"]
    request = project.mergerequests.get(13)
    check = request.status_checks.list(get_all=True)[0]
    assert check.status == "pending"
    # The answer to a check is no call of the client's; its path is asked as it asks others.
    answers = f"/projects/77/merge_requests/{request.iid}/status_check_responses"
    answer = {"external_status_check_id": check.id, "status": "passed"}
    refused(409, app.http_post, answers, post_data={**answer, "sha": BASE})
    app.http_post(answers, post_data={**answer, "sha": request.sha})
    assert request.status_checks.list(get_all=True)[0].status == "passed"


globals()[WHAT]()
