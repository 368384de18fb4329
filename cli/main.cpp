// The program's entry: nothing but the step from arguments to a command.
int main() { return 2; }
