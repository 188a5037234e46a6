//! One file of tests for every format.

mod findings;
mod gitlab_report;
mod grype;
mod json;
mod osv_scanner;
mod sarif;
mod snyk;
mod trivy;
