// Two versions of the headers in one program: each attends by its own.
int check_this();
int check_next();

int main() { return check_this() | check_next(); }
