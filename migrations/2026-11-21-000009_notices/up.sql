-- Whatever changes these tables, in whichever process, tells the others in the same transaction.
DROP TRIGGER IF EXISTS jobs_notify ON jobs;
CREATE TRIGGER jobs_notify AFTER INSERT ON jobs
    FOR EACH STATEMENT EXECUTE FUNCTION luna_notify('luna_jobs');

DROP TRIGGER IF EXISTS sessions_notify ON sessions;
CREATE TRIGGER sessions_notify AFTER DELETE OR UPDATE OF revoked_at ON sessions
    FOR EACH STATEMENT EXECUTE FUNCTION luna_notify('luna_access');

DROP TRIGGER IF EXISTS accounts_notify ON accounts;
CREATE TRIGGER accounts_notify AFTER DELETE OR UPDATE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION luna_notify('luna_access');
